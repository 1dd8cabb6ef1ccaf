"""What a student's process says about a cell or a question, read field by field: any of it may be forged."""

from typing import Any

from autograder.course.faults import BlankLeft, Crashed, Missing, StudentError
from autograder.sandbox import wire
from autograder.sandbox.limits import CellOutcome

STATUSES = ("ok", "error", "blank")
TEXT_LENGTH, NAME_LENGTH = 4000, 200  # what is kept of a message, and of a name, that came from inside


def of_cell(reply: Any, output_limit: int) -> CellOutcome:
    """A `CellOutcome` from a cell's own account; that account may be forged, so every field is checked."""
    if type(reply) is not dict or reply.get("status") not in STATUSES:
        raise wire.WireError("not the account of a cell")
    return CellOutcome(
        reply["status"],
        _text(reply, "message"),
        _text(reply, "error_type", NAME_LENGTH) or None,
        _line(reply),
        _text(reply, "output", output_limit + NAME_LENGTH),
    )


def of_question(reply: Any, name: str) -> dict[str, Any]:
    """The reply to a question, or the fault it tells of."""
    if type(reply) is not dict:
        raise Crashed(f"the answer of `{name}` could not be read")
    status = reply.get("status")
    if status == "ok":
        return reply
    if status == "missing":
        raise Missing(name)
    if status == "blank":
        raise BlankLeft(_text(reply, "exercise", NAME_LENGTH) or None)
    mro = found if type(found := reply.get("mro")) is list else []
    bases = [each[:NAME_LENGTH] for each in mro[:20] if type(each) is str]
    kind, place = _text(reply, "error_type", NAME_LENGTH) or "Exception", _text(reply, "place", NAME_LENGTH)
    raise StudentError(kind, _text(reply, "message"), bases, _line(reply), place)


def _text(reply: dict, field: str, length: int = TEXT_LENGTH) -> str:
    value = reply.get(field)
    return value[:length] if type(value) is str else ""


def _line(reply: dict) -> int | None:
    return reply.get("line") if type(reply.get("line")) is int else None
