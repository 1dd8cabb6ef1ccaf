"""Writes the class of the corpus: `python -m tests.hostile.make FOLDER` to look at its notebooks.

Each entry of catalogue.py becomes a student of its name.
"""

import json
import sys
from pathlib import Path

from autograder.authoring.build import build
from autograder.course import paths

_built = {}


def notebooks_of(lesson):
    """(as handed out, {exercise id: source of the solution}) of a lesson."""
    if lesson not in _built:
        built = build(paths.source_of(lesson))
        answers = {
            cell["metadata"]["course"]["exercise"]: cell["source"]
            for cell in json.loads(built.instructor)["cells"]
            if cell["metadata"]["course"]["role"] == "exercise"
        }
        _built[lesson] = built.notebook, {each: "".join(source) for each, source in answers.items()}
    return _built[lesson]


def notebook_of(entry, marks):
    """The bytes of an entry's notebook. `marks` maps the @WORDS@ of the catalogue to what stands for them."""
    released, answers = notebooks_of(entry.lesson)
    notebook = json.loads(released)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        exercise = cell["metadata"]["course"].get("exercise") if cell["metadata"]["course"]["role"] == "exercise" else None
        if exercise in entry.solved:
            cell["source"] = answers[exercise]
        if exercise == entry.exercise and entry.answer is not None:
            cell["source"] = f"# Exercise {exercise}\n{entry.answer}"
    # After the lesson's imports, which the extra cells use, too.
    at = 1 + max(i for i, cell in enumerate(notebook["cells"]) if cell["source"].startswith(("import", "from")))
    for where, source in ((at, entry.first), (len(notebook["cells"]), entry.last)):
        if source is not None:
            notebook["cells"].insert(where, {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None})
    if entry.edit:
        entry.edit(notebook)
    text = json.dumps(notebook, indent=1)
    for word, value in marks.items():
        text = text.replace(f"@{word}@", str(value))
    data = text.encode()
    return entry.raw(data) if entry.raw else data


def write_class(folder, entries, marks):
    """Write a submission of each entry: <entry>/<lesson>/<lesson>.ipynb."""
    for entry in entries:
        data, place = notebook_of(entry, marks), Path(folder) / entry.name / entry.lesson
        if entry.place:
            entry.place(place, data)
        else:
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{entry.lesson}.ipynb").write_bytes(data)


if __name__ == "__main__":
    from tests.hostile.catalogue import ENTRIES

    write_class(sys.argv[1], ENTRIES, {"PORT": 9})
    print(f"{len(ENTRIES)} notebooks in {sys.argv[1]}")
