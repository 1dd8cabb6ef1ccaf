"""The studio from end to end, on digits and with tiny recipes."""

import base64
import io
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from course_data import UserError, load
from course_labs import Recipe, Settings, Shape, Studio, run_lab
from course_labs.methods import distillation, training
from course_labs.methods.families import ConvNets
from course_labs.report.results import read
from course_labs.report.tables import markdown, terminal
from course_labs.studio.hand_in import rows_of
from course_labs.studio.stages import Stages
from course_labs.using import metadata

TINY = Settings(
    teacher=Shape((32, 32), (2, 2)),
    teacher_recipe=Recipe(2, 0.1, batch=64),
    student=Shape((32, 16), (2, 2)),
    student_recipe=Recipe(1, 0.1, batch=64),
    pruned_widths=(16, 16),
    recovery_recipe=Recipe(1, 0.05, batch=64),
    importance_images=128,
    calibration=64,
    latency_calls=40,
)
FILES = {
    "results.json",
    "table.md",
    "MODEL_CARD.md",
    "report.html",
    "tradeoff.png",
    "classes.png",
    "lost.png",
    "teacher.onnx",
    "student.onnx",
    "pruned.onnx",
    "int8.onnx",
    "stages",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("studio")
    return run_lab("digits", out, seed=1, settings=TINY, console=Console(file=io.StringIO())), out


def test_every_file_is_written_and_nothing_else(run):
    _, out = run
    assert {p.name for p in out.iterdir()} == FILES
    assert not [p for p in out.rglob("*") if p.name.startswith(".")], "no temporary file is left"


def test_four_rows_measured_alike(run):
    results, out = run
    assert [row.name for row in results.first.rows] == ["teacher", "student", "pruned", "int8"]
    for row in results.first.rows:
        assert row.bytes == (out / row.file).stat().st_size
        assert row.test_images == 360 and row.accuracy == row.correct / 360
        times = row.onnx_runtime
        assert 0 < times.p10_ms <= times.median_ms <= times.p90_ms and times.calls == 40
        assert times.p90_ms <= times.p95_ms <= times.p99_ms and set(row.images_per_second) == {"1", "8", "64"}
        assert (row.pytorch_eager is None) == (row.name == "int8")
        assert sum(vars(row.bytes_by_part).values()) == row.bytes > row.gzip_bytes
        assert row.accuracy == pytest.approx(np.average(row.accuracy_by_class, weights=np.bincount(load("digits").test.labels)))
    sizes = [row.bytes for row in results.first.rows]
    assert sizes == sorted(sizes, reverse=True)
    teacher, student, pruned, int8 = results.first.rows
    assert teacher.macs > student.macs > pruned.macs == int8.macs
    assert teacher.parameters > student.parameters > pruned.parameters == int8.parameters


def test_accuracy_is_that_of_the_file(run):
    """Recomputed here from the file alone and what its metadata says about the input."""
    results, out = run
    digits = load("digits")
    for row in results.first.rows:
        session = onnxruntime.InferenceSession(out / row.file)
        said = json.loads(session.get_modelmeta().custom_metadata_map["course"])
        (mean,), (spread,) = said["input"]["mean"], said["input"]["spread"]
        images = ((digits.test.images.numpy() / 255 - mean) / spread).astype(np.float32)
        logits = session.run(None, {"image": images})[0]
        assert logits.shape == (360, len(said["classes"])) and session.get_inputs()[0].shape == ["batch", 1, 8, 8]
        assert said["model"]["row"] == row.title and said["data"]["sha256"] == digits.fingerprint
        right = int((logits.argmax(1) == digits.test.labels.numpy()).sum())
        assert abs(right - row.correct) <= 1, "an image on the border may fall to either side"


def test_lost_images_explain_the_difference_of_two_rows(run):
    only = run[0].first
    lost, rows = only.lost, {row.name: row for row in only.rows}
    assert rows["int8"].correct == rows["teacher"].correct - lost.count + lost.gained
    assert lost.count == len(lost.images) == len(lost.said) > 0
    labels = load("digits").test.labels[list(lost.images)]
    assert all(said != label for said, label in zip(lost.said, labels))


def test_int8_is_made_again_from_the_wrong_images(run):
    """In the lab's own way, so that only the images differ: of constant grey nothing can be learnt."""
    only = run[0].first
    wrong = {entry.name: entry.accuracy for entry in only.wrong_calibration}
    assert set(wrong) == {"grey", "noise", "raw"}
    assert wrong["grey"] < only.rows[3].accuracy - 0.2


def test_results_say_on_what_they_were_measured(run):
    results, out = run
    assert read(out / "results.json") == results
    (only,) = results.runs
    assert results.data.title == "Digits (8×8)" and only.seed == 1
    assert only.machine.cpu and only.machine.os and only.machine.cores_usable >= 1
    assert {"torch", "onnxruntime"} <= set(only.versions)
    assert set(only.minutes) == {"teacher", "taught", "student", "pruned", "int8", "measure", "total"}
    rows = {row.name: row for row in only.rows}
    assert only.ratios["int8"].bytes == pytest.approx(rows["teacher"].bytes / rows["int8"].bytes)


def test_the_table_shows_the_rows(run):
    results, out = run
    table = (out / "table.md").read_text(encoding="utf-8")
    assert table == markdown(results)
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 6
    assert f"{results.first.rows[0].bytes / 1000:,.1f} kB" in lines[2]
    assert lines[5].endswith("| – |"), "int8 has no eager figure"
    text = io.StringIO()
    Console(file=text, width=80).print(terminal(results))
    assert "…" not in text.getvalue() and max(map(len, text.getvalue().splitlines())) <= 80


def test_the_table_that_is_handed_in_is_the_run_s(run):
    results, out = run
    for row, claim in zip(results.first.rows, rows_of(results), strict=True):
        assert claim["bytes"] == (out / claim["file"]).stat().st_size
        assert claim["accuracy_percent"] == round(100 * row.accuracy, 2) and claim["macs"] == row.macs


def test_the_figures_are_pictures(run):
    page = (run[1] / "report.html").read_text(encoding="utf-8")
    for name in ("tradeoff", "classes", "lost"):
        content = (run[1] / f"{name}.png").read_bytes()
        image = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        assert image.shape[0] > 300 and image.std() > 5
        assert base64.b64encode(content).decode() in page


def test_starting_again_trains_nothing_and_says_so(run, monkeypatch):
    before, out = run
    files = {path.name: path.read_bytes() for path in out.glob("*.onnx")}
    monkeypatch.setattr(metadata, "today", lambda: "2001-01-01")  # a file says when it was made, not when it was written again
    monkeypatch.setattr(training, "train", lambda *a, **k: pytest.fail("a finished stage was trained again"))
    said = io.StringIO()
    after = run_lab("digits", out, seed=1, settings=TINY, console=Console(file=said, width=200))
    assert after.runs == before.runs
    assert said.getvalue().count("done before") == 6
    assert {path.name: path.read_bytes() for path in out.glob("*.onnx")} == files


def test_the_model_card_shows_how_a_stranger_runs_the_file(run, tmp_path):
    """The program in it, as it stands there, answers as the file does."""
    from course_labs.using.predict import Model

    results, out = run
    text = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    for line in (
        "| licence of the data | CC BY 4.0 (UCI) |",
        "1,257 to train on, 180 to choose by, 360 to test",
        f"seed | {results.first.seed} |",
    ):
        assert line in text
    nine = " | ".join(f"{100 * row.accuracy_by_class[9]:.1f} %" for row in results.first.rows)
    assert f"| 9 | {nine} |" in text
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    image, model = load("digits").test.images[7], Model(out / "int8.onnx")
    Image.fromarray(image[0].numpy()).save(tmp_path / "a.png")
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a.png"], cwd=out, capture_output=True, text=True)
    assert done.stdout.strip() == model.answer(tmp_path / "a.png").best.name, done.stderr


def test_only_the_teacher_s_labels_are_smoothed(tmp_path, monkeypatch):
    train, losses = training.train, []
    monkeypatch.setattr(
        training,
        "train",
        lambda net, data, recipe, loss, *rest, **named: losses.append(loss) or train(net, data, recipe, loss, *rest, **named),
    )
    studio = Studio("digits", tmp_path, settings=replace(TINY, teacher_smoothing=0.2), console=Console(file=io.StringIO()))
    studio.student()
    torch.manual_seed(0)
    logits, labels, said = torch.randn(32, 10), torch.arange(32) % 10, torch.randn(32, 10)
    teacher, student = (loss(logits, labels, said).mean() for loss in losses)
    assert teacher == pytest.approx(torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2).item())
    assert student == pytest.approx(distillation.distillation_loss(logits, said, labels, 4.0, 0.9).item())


def test_an_interrupted_run_goes_on_where_it_stopped(run, tmp_path, monkeypatch):
    """Stopped in the student, resumed: the teacher is kept, and the figures are those of a run that never stopped."""
    whole, _ = run
    train, calls = training.train, []

    def stops(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    monkeypatch.setattr(training, "train", stops)
    quiet = Console(file=io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        run_lab("digits", tmp_path, seed=1, settings=TINY, console=quiet)
    done = {p.name for p in (tmp_path / "stages").iterdir() if not p.name.startswith("precision-")}
    assert done == {"teacher.pt", "teacher.json", "taught.pt", "taught.json"}
    assert not (tmp_path / "results.json").exists() and not (tmp_path / "student.onnx").exists()
    results = run_lab("digits", tmp_path, seed=1, settings=TINY, console=quiet)
    assert len(calls) == 4, "teacher once, student twice, pruned once"
    assert [row.correct for row in results.first.rows] == [row.correct for row in whole.first.rows]


def test_another_seed_starts_again(run):
    _, out = run
    studio = Studio("digits", out, seed=1, settings=TINY, console=Console(file=io.StringIO()))
    other = Studio("digits", out, seed=2, settings=TINY, console=Console(file=io.StringIO()))
    assert studio.maker.common != other.maker.common


@pytest.mark.parametrize("seeds, again", [([], ""), (["--seeds", "3", "--max-drop", "1"], " --seeds 3 --max-drop 1")])
def test_ctrl_c_ends_with_a_plain_line(monkeypatch, tmp_path, seeds, again):
    import typer

    from course_labs.studio import commands
    from course_labs.studio import seeds as several

    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(several, "run_seeds", stop)
    app = typer.Typer()
    app.command()(commands.lab)
    result = CliRunner().invoke(app, ["--data", "digits", "--out", str(tmp_path / "o"), "--seed", "7", *seeds])
    assert result.exit_code == 130
    assert result.output.endswith(f"course lab --data digits --out {tmp_path / 'o'} --seed 7{again}\n")


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("", "runs/digits"),
        ("--data mnist --seed 1", "runs/mnist-seed-1"),
        ("--data mnist --seeds 3 --minutes 2.5", "runs/mnist-3-seeds-2.5-minutes"),
        ("--images pictures/mnist", "runs/images-mnist"),
        ("--model my/nets.py:make", "runs/nets-make-digits"),
        ("--model my/nets.py:wide --width 0.25 --images mnist", "runs/nets-wide-images-mnist-width-0.25"),
    ],
)
def test_what_trains_other_networks_gets_a_folder_of_its_own(monkeypatch, tmp_path, words, folder):
    import typer

    from course_labs.studio import commands, own_network
    from course_labs.studio import seeds as several

    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_network, "own_setup", stop)
    monkeypatch.setattr(several, "run_seeds", stop)
    app = typer.Typer()
    app.command()(commands.lab)
    assert f" --out {folder} " in CliRunner().invoke(app, words.split()).output


def test_wrong_arguments_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="imagenet"):
        run_lab("imagenet", tmp_path)
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(UserError, match="--out"):
        Studio("digits", blocker / "out")
    with pytest.raises(UserError, match="schema 2"):
        blocker.write_text('{"schema": 99}')
        read(blocker)


def test_minutes_scale_the_training_and_a_second_start_keeps_the_plan(tmp_path, monkeypatch):
    from course_data import load
    from course_labs.studio import minutes

    said, half = io.StringIO(), (minutes.MEASURING + 50) / 60

    def planned(wanted=half):
        return minutes.planned(wanted, TINY, load("digits"), Stages(tmp_path), Console(file=said, width=200))

    monkeypatch.setattr(minutes, "training_seconds", lambda *asked: 100.0)
    settings = planned()
    assert settings.teacher_recipe.epochs == pytest.approx(1.0) and settings.student_recipe.epochs == pytest.approx(0.5)
    assert "0.50 of the default training" in said.getvalue()
    monkeypatch.setattr(minutes, "training_seconds", lambda *asked: pytest.fail("measured again"))
    assert planned() == settings
    monkeypatch.setattr(minutes, "training_seconds", lambda *asked: 100.0)
    for wanted in (0.5, float("nan")):
        with pytest.raises(UserError, match="too short"):
            planned(wanted)


def test_the_time_of_a_training_is_measured_and_grows_with_its_epochs(monkeypatch):
    from course_data import load
    from course_labs.studio import minutes

    digits = load("digits")
    short, long = (minutes.training_seconds(minutes.scaled(TINY, share), digits, ConvNets.of(digits).new) for share in (1, 50))
    assert 0 < short < long
    monkeypatch.setattr(minutes, "_seconds_an_image_learnt", lambda new, recipe, data, number_format: 1.0 / len(data.train))
    monkeypatch.setattr(minutes, "_seconds_an_image_shown", lambda net, data: 0.0)
    monkeypatch.setattr(minutes.other_tools, "installed", lambda name: False)
    alone, with_controls = (minutes.training_seconds(TINY, digits, ConvNets.of(digits).new, controls) for controls in (False, True))
    student, recovery = TINY.student_recipe.epochs, TINY.recovery_recipe.epochs
    assert with_controls - alone == pytest.approx(2 * student + 2 * recovery), "no teacher, scattered zeros, from scratch"


def test_the_plan_is_timed_in_the_number_format_that_was_asked_for(monkeypatch):
    from course_labs.studio import minutes

    data, asked = load("digits"), []
    monkeypatch.setattr(minutes, "train", lambda *given, number_format: asked.append(number_format))
    monkeypatch.setattr(minutes, "fastest_precision", lambda *given: (torch.bfloat16, {}))
    for precision in ("float32", "measured"):
        minutes.training_seconds(replace(TINY, precision=precision), data, ConvNets.of(data).new)
    assert asked == 6 * [torch.float32] + 6 * [torch.bfloat16]
