"""What a graded lab hands in: model files and the table, in one folder beside the notebook. The grader measures them again."""

import json
from pathlib import Path

from course_data.errors import UserError
from course_data.files import write_whole
from course_labs.report.results import Results


def hand_in(lab: str, files: dict[str, Path | bytes], claims: dict, folder: Path | None = None) -> Path:
    """Write `files` (name -> path or bytes) and results.json to the folder `<lab>_artefacts` here, or to `folder`. Returns the folder.

    `claims`, what results.json holds, is each lab's own table, not a `report.results` file: the grader compares it with what it measures.
    Raises UserError where a file is missing or the folder cannot be written.
    """
    folder = Path(folder) if folder is not None else Path.cwd() / f"{lab}_artefacts"
    texts = {"results.json": (json.dumps(claims, indent=1) + "\n").encode()}
    for name, source in files.items():
        try:
            texts[name] = source if isinstance(source, bytes) else Path(source).read_bytes()
        except OSError as error:
            raise UserError(f"{source!s} cannot be handed in: {error.strerror}. Run the cells above once more.") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in texts.items():
            write_whole(folder / name, data)
    except OSError as error:
        raise UserError(f"Cannot write to {folder}: {error.strerror}.") from error
    for name, data in texts.items():
        print(f"{len(data):10,} bytes  {folder.name}/{name}")
    return folder


def rows_of(results: Results) -> list[dict]:
    """The studio's (first) run as the claims that are handed in: one row for each file, accuracy in per cent of the test images."""
    return [
        {
            "file": row.file,
            "accuracy_percent": round(100 * row.accuracy, 2),
            "bytes": row.bytes,
            "parameters": row.parameters,
            "macs": row.macs,
            "milliseconds": round(row.times("onnx_runtime").median_ms, 4),
        }
        for row in results.first.rows
    ]
