"""Writes the rules of a lesson into CONTRIBUTING.md, from the functions that check them: `python docs/rules.py`. A test sees that it is done."""

import re
from pathlib import Path

from autograder.authoring.rules import sentences

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
PLACE = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- /rules -->)", re.DOTALL)


def rules():
    """The rules as Markdown, file by file."""
    found = {}
    for file, rule in sentences():
        found.setdefault(file, []).append(rule)
    return "".join(f"\n**`{file}`**\n\n" + "".join(f"- {rule}\n" for rule in each) for file, each in found.items()) + "\n"


def page():
    """CONTRIBUTING.md with the rules of today."""
    return PLACE.sub(lambda _: rules(), PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written: {PAGE}")
