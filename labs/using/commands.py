"""`course predict` and `course demo`: answers of model files, in the terminal and on a page."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from course_labs.using.pictures import Fault
    from course_labs.using.predict import Answer, Model

SHOWN = 3  # pictures named in a note


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL.ONNX", help="a file that `course lab` made")],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURES...", help="files, and folders with all that is below them")],
    top: Annotated[int, typer.Option(min=1, help="so many of the likeliest classes")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="a table with commas: one line a picture")] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="take each picture's negative: dark ink on light paper for MNIST's light on dark")
    ] = False,
) -> None:
    """Say what is on pictures: class, confidence, and milliseconds in ONNX Runtime on one thread.

    How a picture is cut, scaled and normalised, and what the classes are called, the model file says itself. What cannot be read is named,
    the other pictures are answered, and the exit status is 1.
    """
    from course_data.errors import UserError
    from course_labs.using.pictures import found
    from course_labs.using.predict import Model

    if as_json and as_csv:
        raise UserError("--json and --csv are two forms of the same answers: choose one.")
    answering, files = Model(model), found(pictures)
    if not files.pictures and not files.faults:
        other = f" ({files.passed_over} other files are)" if files.passed_over else ""
        raise UserError(
            f"There are no pictures in {', '.join(map(str, pictures))}{other}. Give files such as photo.png, or a folder that holds some."
        )
    faults = list(files.faults)
    answers = _answered(answering, files.pictures, top, invert, faults)
    write = _write_json if as_json else _write_csv if as_csv else _write_lines
    write(answering, answers, faults, min(top, len(answering.about.classes)))
    for fault in faults:
        typer.echo(f"course: {plain(str(fault.path))} {fault.why}.", err=True)
    if faults:
        raise typer.Exit(1)


def demo(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the folder that `course lab` wrote, such as runs/digits")],
) -> None:
    """Draw a digit or drop a picture on a page of this machine, and see all models of a run answer side by side.

    The page is for this machine alone (127.0.0.1) and needs no network. Ctrl+C ends it.
    """
    from course_labs.using.demo import Demo, models_of

    with Demo(models_of(run)) as server:
        typer.echo(f"Open {server.url} in a browser on this machine. Ctrl+C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("")


def plain(text: str) -> str:
    """A name as one line of text: a file may be called anything, and a terminal obeys what it is sent."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _answered(model: "Model", files: Iterable[Path], top: int, invert: bool, faults: "list[Fault]") -> "Iterator[Answer]":
    """The answers, one by one; what cannot be used goes to `faults`."""
    from course_labs.using.pictures import Fault

    for path in files:
        try:
            yield model.answer(path, top, invert)
        except ValueError as error:
            faults.append(Fault(path, str(error)))


def _write_lines(model: "Model", answers: "Iterable[Answer]", faults: "list[Fault]", top: int) -> None:
    from course_data.splits import some

    times, notes = [], dict[str, list[str]]()
    for answer in answers:
        guesses = ", ".join(f"{plain(guess.name)} {100 * guess.confidence:.1f} %" for guess in answer.guesses)
        typer.echo(f"{plain(answer.picture)}: {guesses}  ({answer.milliseconds:.3f} ms)")
        times.append(answer.milliseconds)
        for note in answer.notes:
            notes.setdefault(note, []).append(plain(answer.picture))
    for note, names in notes.items():
        typer.echo(f"{note}: {some(names, SHOWN)}", err=True)
    if len(times) > 1:
        typer.echo(f"{len(times)} pictures, median {median(times):.3f} ms each in ONNX Runtime, one thread.", err=True)


def _write_json(model: "Model", answers: "Iterable[Answer]", faults: "list[Fault]", top: int) -> None:
    found = [
        {
            "picture": answer.picture,
            "class": answer.best.name,
            "confidence": answer.best.confidence,
            "milliseconds": answer.milliseconds,
            "top": [{"class": guess.name, "confidence": guess.confidence} for guess in answer.guesses],
            "notes": list(answer.notes),
        }
        for answer in answers
    ]
    unread = [{"picture": str(fault.path), "problem": fault.why} for fault in faults]
    typer.echo(json.dumps({"model": str(model.path), "row": model.about.model.row, "pictures": found, "faults": unread}, indent=2))


def _write_csv(model: "Model", answers: "Iterable[Answer]", faults: "list[Fault]", top: int) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    more = [f"{word}_{place}" for place in range(2, top + 1) for word in ("class", "confidence")]
    table.writerow(["picture", "class", "confidence", "milliseconds", *more])
    for answer in answers:
        others = [value for guess in answer.guesses[1:] for value in (guess.name, f"{guess.confidence:.6f}")]
        table.writerow([answer.picture, answer.best.name, f"{answer.best.confidence:.6f}", f"{answer.milliseconds:.4f}", *others])
