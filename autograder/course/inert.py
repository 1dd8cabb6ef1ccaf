"""Names and texts that leave for another program: CSV, JSON, HTML, XML, Markdown, paths.

What a student wrote must come out of the other program as the same text, and do nothing there. Each format has one way out here,
and, where we read it again ourselves, the way back. Whatever the format, `text` says which characters go along.
"""

import csv
import hashlib
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

# Characters that turn the order of what is shown: a name could look like another one.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOWHERE = frozenset("\ufeff\ufffe\uffff")  # a byte-order mark, and what XML forbids
_UNSEEN = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, halves of characters, invisible ends of lines


def text(value: str) -> str:
    """The text `value` with every character that a text file may hold and a person can see; each other one becomes U+FFFD."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value if value.isascii() and value.isprintable() else "".join(c if _goes(c) else "\ufffd" for c in value)


def _goes(c: str) -> bool:
    return c in "\n\t" or not (c in _TURNING or c in _NOWHERE or unicodedata.category(c) in _UNSEEN)


# Names


def name(value: str) -> str:
    """A name in one form: an e with an accent is one character or two, and looks the same."""
    return unicodedata.normalize("NFC", value)


def key(value: str) -> str:
    """What two spellings of one name have in common: the form of accents, capitals and blanks around it do not count."""
    return name(name(value).strip().casefold())


# CSV. A formula begins a cell. A reader that takes semicolons or tabs for the ends of cells sees none of our quotation marks
# where we put them, so a cell may begin after each of these, and after quotation marks and blanks that such a reader takes away.
# Some take a tab in front away, too.

_CELL = r"(^|[;\t\n])"
_FORMULA = r"(?=['\"\u2019]*[^\S\t\n]*['\"\u2019]*[=+\-@\t\n＝＋－＠﹢﹣﹦﹫])"
_GUARD, _GUARDED = re.compile(_CELL + _FORMULA), re.compile(_CELL + "'" + _FORMULA)


def cell(value: Any) -> Any:
    """A cell of a CSV file for `value`, a text or a number. A text that a spreadsheet would take for a formula gets a quote in front."""
    return _GUARD.sub(r"\1'", text(value)) if isinstance(value, str) else value


def from_cell(value: str) -> str:
    """The text that `cell` made `value` of."""
    return _GUARDED.sub(r"\1", value)


def csv_of(rows: Iterable[Iterable[object]], lineterminator: str = "\n") -> str:
    """Rows of texts and numbers as a CSV file's text, separated by commas."""
    file = io.StringIO()
    csv.writer(file, lineterminator=lineterminator).writerows([cell(value) for value in row] for row in rows)
    return file.getvalue()


def rows_of(data: bytes) -> list[list[str]]:
    """The rows of a CSV file's bytes (lists of texts), as `csv_of` wrote it or as a spreadsheet saved it again.

    Commas, semicolons or tabs may separate the cells, and a byte-order mark may stand in front. Raises UnicodeDecodeError, `csv.Error`.
    """
    content = data.decode("utf-8-sig")
    head = re.sub(r'"[^"]*"', "", content.partition("\n")[0])
    return [
        [from_cell(each) for each in row] for row in csv.reader(io.StringIO(content, newline=""), delimiter=max(",;\t", key=head.count))
    ]


# JSON


def json_of(data: object) -> str:
    """`data` as a JSON file's text. Halves of characters are escaped, and a number that is none becomes null."""
    content = json.dumps(_numbers(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", content)


def _numbers(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _numbers(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_numbers(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


# Markdown, as Jupyter shows it: HTML in it is HTML, and MathJax reads formulas after everything else.

_COMMANDS = (  # those that write attributes or addresses, and those that define others
    "href url class cssId style data id mmlToken require unicode action tooltip texttip mathtip toggle includegraphics html img "
    "csname def edef gdef xdef let futurelet global catcode char newcommand renewcommand providecommand newenvironment renewenvironment "
    "DeclareMathOperator DeclarePairedDelimiters Newextarrow"
).split()
_LIVE = re.compile(
    rf"<|\](?=\s*[(:\[])|:(?=//)|\b[wW][wW][wW](?=\.)|&(?=#|\w+;)|\\(?=(?:{'|'.join(sorted(_COMMANDS, key=len, reverse=True))})(?![a-zA-Z]))"
)


def markdown(value: str) -> str:
    """Markdown without HTML, links and commands of formulas that make some: a zero-width space breaks them, and no reader sees it."""
    return _LIVE.sub("\\g<0>\u200b", text(value))


# Paths

LONGEST_NAME = 180  # bytes: systems allow 255, and other programs add endings
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff\ufffe\uffff]|%(?=[0-9A-F]{2}|~)|^[. ]|[. ]$')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)")  # on Windows, whatever the ending


def path_name(value: str) -> str:
    """The name of a file or folder for the text `value`: the text itself where every system takes it, else with `%2F` and the like.

    Two different texts have two different names. A system that takes capitals and small letters for the same joins "Ada" and "ada".
    """
    found = _FORBIDDEN.sub(_percent, value) or "%FF"
    if _RESERVED.match(found):
        found = f"%{ord(found[0]):02X}{found[1:]}"
    if len(found.encode()) > LONGEST_NAME:
        found = (
            found.encode()[: LONGEST_NAME - 40].decode("utf-8", "ignore").rstrip(". ")
            + f"%~{hashlib.sha256(found.encode()).hexdigest()[:32]}"
        )
    return found


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))
