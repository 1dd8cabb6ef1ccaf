"""Several seeds: one results file, mean and spread, nothing trained twice."""

import io
import json
import statistics
from dataclasses import replace

import pytest
from rich.console import Console

from course_data import UserError
from course_labs import Recipe, Settings, Shape
from course_labs.methods import training
from course_labs.report.results import from_json, read
from course_labs.report.sentences import remarks
from course_labs.report.summary import merged
from course_labs.report.tables import markdown, terminal
from course_labs.report.typed_json import as_text, to_json
from course_labs.studio.seeds import run_seeds

SMALL = Settings(
    teacher=Shape((16, 16), (2, 2)),
    teacher_recipe=Recipe(1, 0.1, batch=64),
    student=Shape((16, 16), (2, 2)),
    student_recipe=Recipe(1, 0.1, batch=64),
    pruned_widths=(16, 8),
    recovery_recipe=Recipe(1, 0.05, batch=64),
    importance_images=64,
    calibration=64,
    latency_calls=20,
)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    out = tmp_path_factory.mktemp("seeds")
    return run_seeds("digits", out, [4, 5], SMALL, Console(file=io.StringIO())), out


def test_each_seed_has_its_folder_and_all_have_one_results_file(two):
    results, out = two
    assert [run.seed for run in results.runs] == [4, 5]
    assert read(out / "results.json") == results
    for run in results.runs:
        assert read(out / f"seed-{run.seed}" / "results.json").runs == (run,)
        assert (out / f"seed-{run.seed}" / "int8.onnx").is_file()
    teachers = [run.rows[0].accuracy_by_class for run in results.runs]
    assert teachers[0] != teachers[1], "another seed, another teacher"


def test_the_summary_is_that_of_the_runs(two):
    results, _ = two
    for index, name in enumerate(["teacher", "student", "pruned", "int8"]):
        values = [run.rows[index].accuracy for run in results.runs]
        found = results.summary[name].accuracy
        assert found.mean == pytest.approx(sum(values) / 2) and found.sd == pytest.approx(statistics.stdev(values))
        assert (found.min, found.max) == (min(values), max(values))


def test_ratios_are_taken_within_each_run(two):
    """A run on a machine half as fast: the mean ratio stays, where a ratio of means would move."""
    content = to_json(two[0])
    for row in content["runs"][1]["rows"]:
        row["onnx_runtime"]["median_ms"] *= 2
    before, after = two[0].summary["int8"], merged([from_json(content)]).summary["int8"]
    assert after.ratios.latency.mean == pytest.approx(before.ratios.latency.mean)
    assert after.latency_ms.mean > before.latency_ms.mean


def test_started_again_nothing_is_trained(two, monkeypatch):
    results, out = two
    monkeypatch.setattr(training, "train", lambda *a, **k: pytest.fail("a finished stage was trained again"))
    assert run_seeds("digits", out, [4, 5], SMALL, Console(file=io.StringIO())).runs == results.runs


def test_one_seed_stays_in_its_folder(tmp_path, two):
    import shutil

    shutil.copytree(two[1] / "seed-4" / "stages", tmp_path / "stages")
    results = run_seeds("digits", tmp_path, [4], SMALL, Console(file=io.StringIO()))
    assert results.runs == two[0].runs[:1] and not list(tmp_path.glob("seed-*"))
    assert results.summary["teacher"].accuracy.sd is None


def test_tables_show_mean_and_spread(two):
    results, _ = two
    found = results.summary["int8"].accuracy
    expected = f"{100 * found.mean:.2f} ± {100 * found.sd:.2f} %"
    row = next(line for line in markdown(results).splitlines() if line.startswith("| + quantised"))
    assert expected in row and "(" not in row
    text = io.StringIO()
    Console(file=text, width=80).print(terminal(results))
    assert expected in text.getvalue() and "…" not in text.getvalue() and "2 runs" in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= 80
    assert any("seeds 4, 5" in line and "standard deviation" in line for line in remarks(results))


@pytest.mark.parametrize("spoil, words", [("settings", "settings differ"), ("data", "data sets differ"), ("seed", "a seed occurs twice")])
def test_what_cannot_be_summed_up_is_refused(two, spoil, words):
    spoilt = {"settings": two[0].settings | {"alpha": 0.1}, "data": replace(two[0].data, title="other")}
    other = two[0] if spoil == "seed" else replace(two[0], **{spoil: spoilt[spoil]})
    with pytest.raises(UserError, match=words):
        merged([two[0], other])


def test_json_keeps_lists_of_numbers_on_a_line_and_means_the_same():
    content = {"a": [1, 2.5, None], "text": "[\n  1\n]", "b": [{"c": [1]}], "none": [], "words": ["x"]}
    assert json.loads(as_text(content)) == content
    assert '"a": [1, 2.5, null],\n' in as_text(content)
