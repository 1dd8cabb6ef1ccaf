"""The files that a run leaves behind."""

import json
import re
from pathlib import Path

from course_data import Dataset
from course_data.files import beside, write_whole
from course_labs.report import figures
from course_labs.report.page import page
from course_labs.report.tables import controls_markdown, markdown

PICTURES = ("tradeoff.png", "classes.png", "lost.png")


def write_reports(results: dict, out: Path, data: Dataset) -> None:
    """Write the pictures, results.json, table.md and report.html to `out`. `data` is what the models were measured on."""
    drawn = (figures.tradeoff(results), figures.classes(results), figures.lost_images(results, data.test.images, data.test.labels))
    for name, figure in zip(PICTURES, drawn):
        with beside(out / name) as temporary:
            figure.savefig(temporary, format="png", dpi=150)
    write_texts(results, out)


def write_texts(results: dict, out: Path) -> None:
    """Write results.json, table.md and report.html to `out`, where the pictures are already."""
    write_whole(out / "table.md", markdown(results) + controls_markdown(results))
    write_whole(out / "report.html", page(results, {Path(name).stem: (out / name).read_bytes() for name in PICTURES}))
    write_whole(out / "results.json", as_text(results))


def as_text(results: dict) -> str:
    """JSON, indented, with each list of numbers on one line: a hundred lost images should not take a hundred lines."""
    text = json.dumps(results, indent=2, ensure_ascii=False)
    return re.sub(r'\[\n\s+([^\[\]{}"]*?)\n\s+\]', lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text) + "\n"
