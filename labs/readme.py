"""The README's table, made from committed results. `python -m course_labs.readme [--check]`."""

import re
import sys
from pathlib import Path

from course_data.errors import UserError
from course_data.files import beside
from course_data.root import REPOSITORY
from course_labs.report import markdown, read_results


def block(name: str, kind: str = "table") -> re.Pattern:
    """Matches what stands between the markers `kind:name` of a page."""
    return re.compile(rf"(<!-- {kind}:{name} -->\n)(.*?)(<!-- /{kind}:{name} -->)", re.DOTALL)


def rendered(text: str, name: str, results: dict) -> str:
    """`text` with the table of `results` between the markers of `name`. Raises UserError unless there is exactly one pair."""
    if len(block(name).findall(text)) != 1:
        raise UserError(f"README.md needs exactly one pair of lines <!-- table:{name} --> and <!-- /table:{name} -->.")
    return block(name).sub(lambda found: found[1] + markdown(results) + found[3], text)


def update(readme: Path = REPOSITORY / "README.md", folder: Path = REPOSITORY / "labs" / "results", check: bool = False) -> list[str]:
    """Write every table of `folder`/NAME.json that has markers in `readme`. Returns the names of those that were out of step.

    With `check`, writes nothing. Raises UserError if a marker has no results, or there is no marker at all.
    """
    text = before = readme.read_text(encoding="utf-8")
    names = re.findall(r"<!-- table:(\w+) -->", text)
    if not names:
        raise UserError(f"{readme} has no table: put <!-- table:mnist --> and <!-- /table:mnist --> where it belongs.")
    stale = []
    for name in names:
        after = rendered(text, name, read_results(folder / f"{name}.json"))
        if after != text:
            stale.append(name)
        text = after
    if text != before and not check:
        with beside(readme) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return stale


def main() -> int:
    check = "--check" in sys.argv[1:]
    try:
        stale = update(check=check)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if stale and check:
        print(f"README.md is out of step with labs/results: {', '.join(stale)}. Run: python -m course_labs.readme", file=sys.stderr)
        return 1
    print("README.md is in step" if not stale else f"README.md: wrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
