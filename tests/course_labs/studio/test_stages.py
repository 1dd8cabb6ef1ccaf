"""A stage is done once for its inputs, and never half."""

import pytest

from course_labs import fingerprints
from course_labs.studio import stages


def writes(content, facts=None, log=None):
    def work(path):
        if log is not None:
            log.append(content)
        path.write_text(content)
        return facts or {}

    return work


def test_a_finished_stage_is_not_done_again(tmp_path):
    log, all_stages = [], stages.Stages(tmp_path)
    first = all_stages.run("s", ".txt", {"seed": 1}, writes("a", {"x": 1}, log))
    again = all_stages.run("s", ".txt", {"seed": 1}, writes("b", {}, log))
    assert log == ["a"] and again.resumed and not first.resumed
    assert again.facts == {"x": 1} and again.seconds == first.seconds


@pytest.mark.parametrize("spoil", ["inputs", "artefact", "record"])
def test_a_stage_is_done_again_when_anything_changed(tmp_path, spoil):
    log, all_stages = [], stages.Stages(tmp_path)
    all_stages.run("s", ".txt", {"seed": 1}, writes("a", log=log))
    if spoil == "artefact":
        (tmp_path / "s.txt").write_text("changed by hand")
    if spoil == "record":
        (tmp_path / "s.json").write_text("{half")
    all_stages.run("s", ".txt", {"seed": 2 if spoil == "inputs" else 1}, writes("b", log=log))
    assert log == ["a", "b"] and (tmp_path / "s.txt").read_text() == "b"


def test_an_interrupted_stage_leaves_nothing_half_written(tmp_path):
    def interrupted(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.Stages(tmp_path).run("s", ".txt", {}, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_was_done_stays_done_when_other_work_is_stopped(tmp_path):
    """Somebody tries another seed in the same folder, thinks better of it, and goes back."""

    def interrupted(path):
        raise KeyboardInterrupt

    before = stages.Stages(tmp_path).run("s", ".txt", {"seed": 0}, writes("hours of work", {"x": 1}))
    with pytest.raises(KeyboardInterrupt):
        stages.Stages(tmp_path).run("s", ".txt", {"seed": 1}, interrupted)
    again = stages.Stages(tmp_path).run("s", ".txt", {"seed": 0}, writes("again"))
    assert again.resumed and again.facts == before.facts and again.path.read_text() == "hours of work"


def test_what_a_killed_run_left_is_cleared(tmp_path):
    (tmp_path / ".s.txt.abc123.part").write_text("half")
    stages.Stages(tmp_path).run("s", ".txt", {}, writes("a"))
    assert {p.name for p in tmp_path.iterdir()} == {"s.txt", "s.json"}


def test_code_version_follows_the_source(tmp_path):
    class Module:
        __file__ = str(tmp_path / "m.py")

    (tmp_path / "m.py").write_text("a = 1")
    before = fingerprints.code_version(Module)
    (tmp_path / "m.py").write_text("a = 2")
    assert fingerprints.code_version(Module) != before
