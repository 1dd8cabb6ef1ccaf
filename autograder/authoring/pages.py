"""The tables of lessons and labs in README.md and labs/README.md, made from the headers of their sources. They stand between
<!-- catalogue:lessons --> or <!-- catalogue:labs --> and the same with a slash; what else is made on these pages is made elsewhere.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.course import catalogue, paths
from course_labs.report.markers import refill

OTHERS = ("table", "controls", "shorter")  # made by course_labs.report.readme
HEAD = "| {} | what you write | minutes | points |\n|---|---|---:|---:|\n"


def pages() -> list[Path]:
    """The pages that hold a table of lessons."""
    return [paths.REPOSITORY / "README.md", paths.LABS / "README.md"]


def update(headers: Sequence[dict[str, Any]], check: bool = False) -> list[Path]:
    """Make the tables anew from `headers`, the headers of the sources in order. Returns the pages that were out of step; with `check`, writes nothing.

    Raises `UserError` where a page has lost its markers.
    """
    return [page for page in pages() if refill(page, {"catalogue": functools.partial(table, headers=headers, page=page)}, check, OTHERS)]


def table(name: str, headers: Sequence[dict[str, Any]], page: Path) -> str:
    """The table of "lessons" or "labs" as Markdown, with links as they hold on `page`."""
    labs, rows = name == "labs", []
    for header in headers:
        if paths.is_lab(header["lesson"]) is labs:
            said = header["lesson"] if labs else f"{catalogue.short(header['lesson'])} {header['title']}"
            link = paths.notebook_of(header["lesson"]).relative_to(page.parent).as_posix()
            rows.append(f"| [{said}]({link}) | {header['writes']} | {header['minutes']} | {header['points']:g} |\n")
    return HEAD.format("lab" if labs else "lesson") + "".join(rows)
