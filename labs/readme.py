"""The tables and the figure in README.md and labs/README.md, made from committed results. `python -m course_labs.readme [--check]`."""

import hashlib
import re
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from course_data.errors import UserError
from course_data.files import beside, write_whole
from course_data.root import REPOSITORY
from course_labs.report import accuracy, basis, gains, grid, latency, number, provenance, read_results, size

HEADER = ("model", "test accuracy", "file", "one image", "smaller", "faster")
FIGURE = "tradeoff.png"
STAMP = "made-from"  # where the picture says which results it shows


def block(name: str, kind: str = "table") -> re.Pattern:
    """Matches what stands between the markers `kind:name` of a page."""
    return re.compile(rf"(<!-- {kind}:{name} -->\n)(.*?)(<!-- /{kind}:{name} -->)", re.DOTALL)


def table(results: dict) -> str:
    """The README's short table with what it was measured on, as Markdown."""
    rows = []
    for row in results["runs"][0]["rows"]:
        found = results["summary"][row["name"]]
        ratios = [f"{number(found['ratios'][key], 1)}×" if found["ratios"] else "1×" for key in ("bytes", "latency")]
        rows.append((row["title"], accuracy(found), size(found["bytes"]), latency(found["latency_ms"]), *ratios))
    return grid(HEADER, rows) + "\n" + "\n".join([basis(results), *gains(results), provenance(results)]) + "\n"


def rendered(text: str, name: str, results: dict) -> str:
    """`text` with the table of `results` between the markers of `name`. Raises UserError unless there is exactly one pair."""
    if len(block(name).findall(text)) != 1:
        raise UserError(f"README.md needs exactly one pair of lines <!-- table:{name} --> and <!-- /table:{name} -->.")
    return block(name).sub(lambda found: found[1] + table(results) + found[3], text)


def update(readme: Path = REPOSITORY / "README.md", folder: Path = REPOSITORY / "labs" / "results", check: bool = False) -> list[str]:
    """Write every table of `folder`/NAME.json that has markers in `readme`, and the figure of them all. Returns what was out of step.

    With `check`, writes nothing. Raises UserError if a marker has no results, or there is no marker at all.
    """
    text = before = readme.read_text(encoding="utf-8")
    names = re.findall(r"<!-- table:(\w+) -->", text)
    if not names:
        raise UserError(f"{readme} has no table: put <!-- table:mnist --> and <!-- /table:mnist --> where it belongs.")
    shown = {name: read_results(folder / f"{name}.json") for name in names}
    stale = []
    for name, results in shown.items():
        after = rendered(text, name, results)
        if after != text:
            stale.append(name)
        text = after
    if text != before and not check:
        write_whole(readme, text)
    made_from = hashlib.sha256(b"".join((folder / f"{name}.json").read_bytes() for name in names)).hexdigest()
    if _stamp(folder / FIGURE) != made_from:
        stale.append(FIGURE)
        if not check:
            _draw(list(shown.values()), folder / FIGURE, made_from)
    return stale


def _stamp(path: Path) -> str | None:
    try:
        with Image.open(path) as picture:
            return picture.info.get(STAMP)
    except OSError:
        return None


def _draw(shown: list[dict], path: Path, made_from: str) -> None:
    """The figure in 64 colours: half the bytes, and no eye sees the difference in a line drawing."""
    from course_labs.figures import tradeoffs

    with beside(path) as temporary:
        tradeoffs(shown).savefig(temporary, format="png", dpi=150)
        with Image.open(temporary) as picture:
            small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        notes = PngInfo()
        notes.add_text(STAMP, made_from)
        small.save(temporary, format="png", optimize=True, pnginfo=notes)


def main() -> int:
    from course_labs import shorter  # which finds its place in a page with `block`

    check = "--check" in sys.argv[1:]
    try:
        stale = update(check=check) + (["what less training costs"] if shorter.update(check=check) else [])
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if stale and check:
        print(f"README.md or labs/README.md is out of step with labs/results: {', '.join(stale)}. Run: python -m course_labs.readme", file=sys.stderr)
        return 1
    print("README.md and labs/README.md are in step" if not stale else f"Wrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
