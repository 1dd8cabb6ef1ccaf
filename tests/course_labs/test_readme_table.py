"""README and results in step."""

import copy
import dataclasses
import json

import numpy as np
import pytest

from course_data import UserError
from course_data.root import REPOSITORY
from course_labs import readme
from course_labs.report import read_results
from course_labs.settings import SETTINGS
from course_labs.summary import collected

RESULTS = REPOSITORY / "labs" / "results"


def test_the_readme_shows_the_committed_results():
    assert readme.update(check=True) == []


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_committed_results_are_whole(path):
    results = read_results(path)
    assert results["data"]["name"] == path.stem
    for run in results["runs"]:
        assert [row["name"] for row in run["rows"]] == ["teacher", "student", "pruned", "int8"]
        for row in run["rows"]:
            assert row["accuracy"] == row["correct"] / row["test_images"]
    assert collected(results["data"], results["settings"], results["runs"]) == results, "the summary is that of the runs"
    today = json.loads(json.dumps(dataclasses.asdict(SETTINGS[path.stem])))
    for key, value in results["settings"].items():
        assert today[key] == (today[key] | value if isinstance(value, dict) else value), f"{key}: measured with other settings than the code has"
    text = json.dumps(results)
    assert "/home/" not in text and "/root/" not in text and "/tmp/" not in text


def made_up(folder, name, seeds):
    """Results like the committed ones, of several seeds: the teacher a little better, latency a little longer each time."""
    results = json.loads((RESULTS / "mnist.json").read_text(encoding="utf-8"))
    runs = []
    for seed in range(seeds):
        run = copy.deepcopy(results["runs"][0]) | {"seed": seed}
        for row in run["rows"]:
            row["accuracy"] -= 0.01 * seed * (row["name"] == "int8")
            row["onnx_runtime"]["median_ms"] *= 1 + seed / 10
        runs.append(run)
    results = collected(results["data"] | {"name": name, "title": name.upper()}, results["settings"], runs)
    (folder / f"{name}.json").write_text(json.dumps(results), encoding="utf-8")
    return results


def page(folder, *names):
    file = folder / "README.md"
    file.write_text("before\n" + "".join(f"<!-- table:{n} -->\nold\n<!-- /table:{n} -->\nafter\n" for n in names), encoding="utf-8")
    return file


def test_update_replaces_only_what_is_between_the_markers(tmp_path):
    one, three, file = made_up(tmp_path, "mnist", 1), made_up(tmp_path, "cifar10", 3), page(tmp_path, "mnist", "cifar10")
    everything = ["mnist", "cifar10", "tradeoff.png"]
    assert readme.update(file, tmp_path, check=True) == everything
    assert file.read_text(encoding="utf-8").count("old") == 2 and not (tmp_path / "tradeoff.png").exists()
    assert readme.update(file, tmp_path) == everything
    expected = "before\n"
    for name, results in (("mnist", one), ("cifar10", three)):
        expected += f"<!-- table:{name} -->\n{readme.table(results)}<!-- /table:{name} -->\nafter\n"
    assert file.read_text(encoding="utf-8") == expected
    assert readme.update(file, tmp_path, check=True) == []


def test_the_table_of_several_seeds_shows_their_spread(tmp_path):
    results = made_up(tmp_path, "cifar10", 3)
    rows = [line for line in readme.table(results).splitlines() if line.startswith("|")]
    assert len(rows) == 6 and all(row.count("|") == 7 for row in rows)
    first = {row["name"]: row for row in results["runs"][0]["rows"]}
    teacher, int8 = first["teacher"], first["int8"]
    ms = teacher["onnx_runtime"]["median_ms"]  # of the three runs: times 1, 1.1 and 1.2
    assert rows[2].startswith(f"| teacher, float32 | {100 * teacher['accuracy']:.2f} ± 0.00 % | {teacher['bytes'] / 1000:,.1f} kB | {1.1 * ms:.3f} ± {0.1 * ms:.3f} ms | 1× | 1×")
    assert f"{100 * int8['accuracy'] - 1:.2f} ± 1.00 %" in rows[5]
    smaller, faster = teacher["bytes"] / int8["bytes"], ms / int8["onnx_runtime"]["median_ms"]
    assert f"{smaller:.1f} ± 0.0× | {faster:.1f} ± 0.0×" in rows[5], "the ratio is taken within each run"


def test_the_figure_follows_the_results(tmp_path):
    from PIL import Image

    made_up(tmp_path, "mnist", 1), made_up(tmp_path, "cifar10", 3)
    file, picture = page(tmp_path, "mnist", "cifar10"), tmp_path / "tradeoff.png"
    readme.update(file, tmp_path)
    before = np.asarray(Image.open(picture).convert("L"))
    assert before.std() > 5 and picture.stat().st_size < 150_000
    made_up(tmp_path, "cifar10", 2)
    assert readme.update(file, tmp_path, check=True) == ["cifar10", "tradeoff.png"]
    readme.update(file, tmp_path)
    assert readme.update(file, tmp_path, check=True) == []
    after = np.asarray(Image.open(picture).convert("L"))
    assert before.shape != after.shape or (before != after).any()
    picture.write_bytes(b"not a picture")
    assert readme.update(file, tmp_path, check=True) == ["tradeoff.png"]


def test_the_readme_shows_the_figure():
    assert "](labs/results/tradeoff.png)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["no markers", "<!-- table:mnist -->\nno end\n", "<!-- table:nothing -->\n<!-- /table:nothing -->\n"])
def test_markers_without_a_table_are_an_error(tmp_path, text):
    file = tmp_path / "README.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        readme.update(file)
