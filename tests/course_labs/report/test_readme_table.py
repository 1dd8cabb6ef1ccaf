"""The pages and the committed results in step."""

import dataclasses
import json
import shutil
import sys
from statistics import fmean

import numpy as np
import pytest

from course_data import UserError
from course_data.root import REPOSITORY
from course_labs.measuring.rows import CONTROLS, LABELS, MODELS
from course_labs.report import markers, readme
from course_labs.report.results import from_json, read, write
from course_labs.report.summary import collected
from course_labs.report.typed_json import as_text, to_json
from course_labs.studio.settings import SETTINGS

RESULTS = REPOSITORY / "labs" / "results"

LATER = {"keep_teacher": False, "precision": "measured"}  # settings that the committed runs did not know; what they did then


def test_the_pages_show_the_committed_results(tmp_path, monkeypatch, capsys):
    """Asked through the command that writes them."""
    monkeypatch.setattr(sys, "argv", ["readme", "--check"])
    assert readme.main() == 0, capsys.readouterr().err
    changed = copied(tmp_path, readme.LABS, "| MNIST | 3 |", "| MNIST | 4 |")
    monkeypatch.setattr(readme.update, "__defaults__", (readme.README, changed, *readme.update.__defaults__[2:]))
    assert (
        readme.main() == 1
        and "out of step with labs/results: shorter:all. Run: python -m course_labs.report.readme" in capsys.readouterr().err
    )


def copied(folder, page, old, new):
    file = folder / page.name
    assert old in (text := page.read_text(encoding="utf-8"))
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_committed_results_are_whole(path):
    results = read(path)
    assert results.data.name == path.stem
    for run in results.runs:
        assert [row.name for row in run.rows] == [label.name for label in MODELS]
        for row in run.rows:
            assert row.accuracy == row.correct / row.test_images
    assert collected(results.data, results.settings, results.runs) == results, "the summary is that of the runs"
    today = json.loads(json.dumps(dataclasses.asdict(SETTINGS[path.stem])))
    for key, value in results.settings.items():
        assert today[key] == (today[key] | value if isinstance(value, dict) else value), (
            f"{key}: measured with other settings than the code has"
        )
    text = as_text(to_json(results))
    assert "/home/" not in text and "/root/" not in text and "/tmp/" not in text


def made_up(folder, name, seeds):
    """Results like the committed ones, of several seeds: the teacher a little better, latency a little longer each time."""
    committed = read(RESULTS / "mnist.json")
    runs = []
    for seed in range(seeds):
        run = to_json(committed.first) | {"seed": seed}
        for row in run["rows"]:
            row["accuracy"] -= 0.01 * seed * (row["name"] == "int8")
            row["onnx_runtime"]["median_ms"] *= 1 + seed / 10
        runs.append(run)
    runs = from_json(to_json(committed) | {"runs": runs}).runs
    results = collected(dataclasses.replace(committed.data, name=name, title=name.upper()), committed.settings, runs)
    write(results, folder / f"{name}.json")
    return results


def pages(folder, *names):
    """A README with a table for each of `names`, and the labs' page."""
    readme, labs = folder / "README.md", folder / "labs.md"
    readme.write_text("before\n" + "".join(f"<!-- table:{n} -->\nold\n<!-- /table:{n} -->\nafter\n" for n in names), encoding="utf-8")
    kinds = ("controls:cifar10", "shorter:all")
    labs.write_text("".join(f"<!-- {k} -->\nold\n<!-- /{k} -->\nafter\n" for k in kinds), encoding="utf-8")
    (folder / "controls").mkdir(exist_ok=True)
    shutil.copy(RESULTS / "controls" / "cifar10.json", folder / "controls")
    return readme, labs


def test_update_replaces_only_what_is_between_the_markers(tmp_path):
    one, three, (file, labs) = made_up(tmp_path, "mnist", 1), made_up(tmp_path, "cifar10", 3), pages(tmp_path, "mnist", "cifar10")
    everything = ["table:mnist", "table:cifar10", "controls:cifar10", "shorter:all", "tradeoff.png"]
    assert readme.update(file, labs, tmp_path, check=True) == everything
    assert file.read_text(encoding="utf-8").count("old") == 2 == labs.read_text(encoding="utf-8").count("old")
    assert not (tmp_path / "tradeoff.png").exists()
    assert readme.update(file, labs, tmp_path) == everything
    expected = "before\n"
    for name, results in (("mnist", one), ("cifar10", three)):
        expected += f"<!-- table:{name} -->\n{readme.table(results)}<!-- /table:{name} -->\nafter\n"
    assert file.read_text(encoding="utf-8") == expected
    after = labs.read_text(encoding="utf-8")
    assert after.startswith(
        f"<!-- controls:cifar10 -->\n{readme.controls(read(RESULTS / 'controls' / 'cifar10.json'))}<!-- /controls:cifar10 -->\nafter\n"
    )
    assert readme.update(file, labs, tmp_path, check=True) == []


def test_the_table_of_several_seeds_shows_their_spread(tmp_path):
    results = made_up(tmp_path, "cifar10", 3)
    rows = [line for line in readme.table(results).splitlines() if line.startswith("|")]
    assert len(rows) == 6 and all(row.count("|") == 7 for row in rows)
    teacher, int8 = results.first.row("teacher"), results.first.row("int8")
    ms = teacher.onnx_runtime.median_ms  # of the three runs: times 1, 1.1 and 1.2
    assert rows[2].startswith(
        f"| teacher, float32 | {100 * teacher.accuracy:.2f} ± 0.00 % | {teacher.bytes / 1000:,.1f} kB | {1.1 * ms:.3f} ± {0.1 * ms:.3f} ms | 1× | 1×"
    )
    assert f"{100 * int8.accuracy - 1:.2f} ± 1.00 %" in rows[5]
    smaller, faster = teacher.bytes / int8.bytes, ms / int8.onnx_runtime.median_ms
    assert f"{smaller:.1f} ± 0.0× | {faster:.1f} ± 0.0×" in rows[5], "the ratio is taken within each run"


def test_the_figure_follows_the_results(tmp_path):
    from PIL import Image

    made_up(tmp_path, "mnist", 1), made_up(tmp_path, "cifar10", 3)
    (*both, picture) = *pages(tmp_path, "mnist", "cifar10"), tmp_path / "tradeoff.png"
    readme.update(*both, tmp_path)
    before = np.asarray(Image.open(picture).convert("L"))
    assert before.std() > 5 and picture.stat().st_size < 150_000
    made_up(tmp_path, "cifar10", 2)
    assert readme.update(*both, tmp_path, check=True) == ["table:cifar10", "tradeoff.png"]
    readme.update(*both, tmp_path)
    assert readme.update(*both, tmp_path, check=True) == []
    after = np.asarray(Image.open(picture).convert("L"))
    assert before.shape != after.shape or (before != after).any()
    picture.write_bytes(b"not a picture")
    assert readme.update(*both, tmp_path, check=True) == ["tradeoff.png"]


def test_the_readme_shows_the_figure():
    assert "](labs/results/tradeoff.png)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_a_table_without_results_is_an_error_and_changes_nothing(tmp_path):
    made_up(tmp_path, "mnist", 1)
    file, labs = pages(tmp_path, "mnist", "nothing")
    before = file.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="nothing.json"):
        readme.update(file, labs, tmp_path)
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("path", sorted((RESULTS / "controls").glob("*.json")), ids=lambda path: path.stem)
def test_committed_control_rows_are_whole(path):
    results, main = read(path), read(RESULTS / path.name)
    assert collected(results.data, results.settings, results.runs) == results, "the summary is that of the runs"
    assert results.data == main.data and LATER | results.settings == json.loads(json.dumps(dataclasses.asdict(SETTINGS[path.stem])))
    for run in results.runs:
        assert [(row.name, row.title) for row in run.controls] == [(label.name, label.title) for label in CONTROLS], (
            "every one, other tools' among them"
        )
    text = readme.controls(results)
    assert text.count("\n| ") == len(CONTROLS) + len(readme.COMPARED) and text.count("\n- **") == len(CONTROLS)


def test_each_control_row_has_the_time_of_the_runtime_its_title_names():
    results = read(RESULTS / "controls" / "cifar10.json")
    lines = {
        line.split("|")[1].strip(): line.split("|")[6].strip() for line in readme.controls(results).splitlines() if line.startswith("| ")
    }
    for name, clock in (("silenced", "onnx_runtime"), ("eager", "pytorch_eager"), ("openvino", "openvino")):
        assert lines[LABELS[name].title].startswith(f"{fmean(run.row(name).times(clock).median_ms for run in results.runs):.3f} ")


def test_both_data_sets_have_their_control_rows_on_the_page():
    assert markers.names(readme.LABS, "controls") == ["mnist", "cifar10"] == markers.names(readme.README, "table")
