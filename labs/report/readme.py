"""The tables and the figure in README.md and labs/README.md, made from committed results.

`python -m course_labs.report.readme [--check]`.
"""

import hashlib
import sys
from pathlib import Path
from statistics import fmean

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from course_data.errors import UserError
from course_data.files import beside
from course_data.root import REPOSITORY
from course_labs.measuring.rows import LABELS
from course_labs.report import shorter_runs
from course_labs.report.control_sentences import titled
from course_labs.report.markers import names, refill
from course_labs.report.numbers import accuracy, latency, number, size
from course_labs.report.results import Results, read
from course_labs.report.sentences import basis, gains, provenance
from course_labs.report.summary import spread
from course_labs.report.tables import grid

README, LABS = REPOSITORY / "README.md", REPOSITORY / "labs" / "README.md"
HEADER = ("model", "test accuracy", "file", "one image", "smaller", "faster")
CONTROLS_HEADER = ("model", "test accuracy", "file", "after gzip", "not zero", "one image")
OTHERS = ("catalogue",)  # tables of lessons and labs, which `course build` makes
COMPARED = ("student", "pruned", "int8")  # what control rows are held against
FIGURE = "tradeoff.png"
STAMP = "made-from"  # where the picture says which results it shows


def table(results: Results) -> str:
    """The README's short table with what it was measured on, as Markdown."""
    rows = []
    for row in results.first.rows:
        found = results.summary[row.name]
        ratios = [f"{number(each, 1)}×" for each in (found.ratios.bytes, found.ratios.latency)] if found.ratios else ["1×", "1×"]
        rows.append((row.title, accuracy(found), size(found.bytes), latency(found.latency_ms), *ratios))
    return grid(HEADER, rows) + "\n" + "\n".join([basis(results), *gains(results), provenance(results)]) + "\n"


def controls(results: Results) -> str:
    """The control rows below those they are held against, and what each of them shows, as Markdown.

    An image's time is that in the runtime the title names.
    """
    rows = []
    for several in zip(*([run.row(name) for name in COMPARED] + [*run.controls] for run in results.runs)):
        title, found, clock = several[0].title, results.summary[several[0].name], LABELS[several[0].name].clock
        time = latency(spread([row.times(clock).median_ms for row in several]))
        gzip, left = fmean(row.gzip_bytes for row in several), fmean(row.nonzero_parameters for row in several)
        rows.append((title, accuracy(found), size(found.bytes), f"{gzip / 1000:,.1f} kB", f"{left:,.0f}", time))
    sentences = "\n".join(f"- **{title}**: {words}" for title, words in titled(results))
    return f"{grid(CONTROLS_HEADER, rows)}\n{sentences}\n\n{basis(results)}\n{provenance(results)}\n"


def update(readme: Path = README, labs: Path = LABS, folder: Path = shorter_runs.RESULTS, check: bool = False) -> list[str]:
    """Write every table that has markers in the two pages, from the results in `folder`, and the figure of `readme`'s.

    Returns what was out of step. With `check`, writes nothing. Raises UserError if a marker has no results, or as `markers.refill` does.
    """
    stale = refill(readme, {"table": lambda name: table(read(folder / f"{name}.json"))}, check, OTHERS)
    parts = {
        "controls": lambda name: controls(read(folder / "controls" / f"{name}.json")),
        "shorter": lambda name: shorter_runs.table(folder),
    }
    stale += refill(labs, parts, check, OTHERS)
    files = [folder / f"{name}.json" for name in names(readme, "table")]
    made_from = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if _stamp(folder / FIGURE) != made_from:
        stale.append(FIGURE)
        if not check:
            _draw([read(file) for file in files], folder / FIGURE, made_from)
    return stale


def _stamp(path: Path) -> str | None:
    try:
        with Image.open(path) as picture:
            return picture.info.get(STAMP)
    except OSError:
        return None


def _draw(several: list[Results], path: Path, made_from: str) -> None:
    """The figure in 64 colours: half the bytes, and no eye sees the difference in a line drawing."""
    from course_labs.report.figures import tradeoffs

    with beside(path) as temporary:
        tradeoffs(several).savefig(temporary, format="png", dpi=150)
        with Image.open(temporary) as picture:
            small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        notes = PngInfo()
        notes.add_text(STAMP, made_from)
        small.save(temporary, format="png", optimize=True, pnginfo=notes)


def main() -> int:
    check = "--check" in sys.argv[1:]
    try:
        stale = update(check=check)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if stale and check:
        print(
            f"README.md or labs/README.md is out of step with labs/results: {', '.join(stale)}. Run: python -m course_labs.report.readme",
            file=sys.stderr,
        )
        return 1
    print("README.md and labs/README.md are in step" if not stale else f"Wrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
