"""The files that a run leaves behind."""

import json
import re
from pathlib import Path

from course_data.files import beside, write_whole
from course_labs.figures import tradeoff
from course_labs.report import markdown


def write_reports(results: dict, out: Path) -> None:
    """Write results.json, table.md and tradeoff.png to `out`."""
    write_whole(out / "table.md", markdown(results))
    with beside(out / "tradeoff.png") as temporary:
        tradeoff(results).savefig(temporary, format="png", dpi=150)
    write_whole(out / "results.json", as_text(results))


def as_text(results: dict) -> str:
    """JSON, indented, with each list of numbers on one line: a hundred lost images should not take a hundred lines."""
    text = json.dumps(results, indent=2, ensure_ascii=False)
    return re.sub(r'\[\n\s+([^\[\]{}"]*?)\n\s+\]', lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text) + "\n"
