"""The files that a run leaves behind."""

from pathlib import Path

from course_data import Dataset
from course_data.files import beside, write_whole
from course_labs.report import figures, results
from course_labs.report.model_card import card
from course_labs.report.page import page
from course_labs.report.results import Results
from course_labs.report.tables import controls_markdown, markdown

PICTURES = ("tradeoff.png", "classes.png", "lost.png")


def write_reports(found: Results, out: Path, data: Dataset) -> None:
    """Write the pictures, results.json, table.md and report.html to `out`, and MODEL_CARD.md where there are model files.

    `data` is what the models were measured on.
    """
    drawn = (figures.tradeoff(found), figures.classes(found), figures.lost_images(found, data.test.images, data.test.labels))
    for name, figure in zip(PICTURES, drawn):
        with beside(out / name) as temporary:
            figure.savefig(temporary, format="png", dpi=150)
    write_texts(found, out)
    if not found.several:  # the files of several runs lie in folders of their own, each with its card
        write_whole(out / "MODEL_CARD.md", card(found, data))


def write_texts(found: Results, out: Path) -> None:
    """Write results.json, table.md and report.html to `out`, where the pictures are already."""
    write_whole(out / "table.md", markdown(found) + controls_markdown(found))
    write_whole(out / "report.html", page(found, {Path(name).stem: (out / name).read_bytes() for name in PICTURES}))
    results.write(found, out / "results.json")
