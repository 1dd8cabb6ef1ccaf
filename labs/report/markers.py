"""Pages with parts made from results: what stands between the lines <!-- kind:name --> and <!-- /kind:name -->."""

import re
from collections.abc import Callable
from pathlib import Path

from course_data.errors import UserError
from course_data.files import write_whole

PART = re.compile(r"<!-- (\w+):(\w+) -->\n(.*?)<!-- /\1:\2 -->", re.DOTALL)
MARKER = re.compile(r"<!-- (/?\w+:\w+) -->")


def names(page: Path, kind: str) -> list[str]:
    """The names of the page's parts of this kind, in their order."""
    return [part[2] for part in PART.finditer(page.read_text(encoding="utf-8")) if part[1] == kind]


def refill(page: Path, makers: dict[str, Callable[[str], str]], check: bool = False, others: tuple[str, ...] = ()) -> list[str]:
    """Make parts of `page` anew and return `kind:name` of what was out of step.

    `makers` maps a kind to the function that makes the text from the name; parts of the kinds `others`, which somebody else makes, stay as
    they are. With `check`, writes nothing. Raises UserError, the page as it was, where a marker stands alone or twice, is of another kind,
    or a kind has none.
    """
    text, stale = page.read_text(encoding="utf-8"), []
    found = [f"{part[1]}:{part[2]}" for part in PART.finditer(text)]
    if sorted(MARKER.findall(text)) != sorted([*found, *(f"/{name}" for name in found)]) or len(set(found)) < len(found):
        raise UserError(f"{page} needs its markers in pairs, each name once: <!-- table:mnist --> and, below it, <!-- /table:mnist -->.")
    if kinds := ({name.partition(":")[0] for name in found} - set(others)) ^ set(makers):
        raise UserError(
            f"{page} should have parts of the kinds {', '.join(sorted(makers))}, and no other. Look for: {', '.join(sorted(kinds))}."
        )

    def made(part: re.Match) -> str:
        kind, name, before = part.groups()
        if kind not in makers:
            return part[0]
        body = makers[kind](name)
        if body != before:
            stale.append(f"{kind}:{name}")
        return f"<!-- {kind}:{name} -->\n{body}<!-- /{kind}:{name} -->"

    after = PART.sub(made, text)
    if stale and not check:
        write_whole(page, after)
    return stale
