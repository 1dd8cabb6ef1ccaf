"""Dataclasses to JSON and back. What comes back has the types that its class declares, or the error names the field.

Known are dataclasses, tuple[X, ...], dict[str, X], X | None, and plain values. A field whose default is None is left out when it is None;
one whose metadata has "none" is then written as that.
"""

import dataclasses
import json
import re
import types
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from course_data.errors import UserError

Kind = TypeVar("Kind")


def to_json(value: Any) -> Any:
    """Dataclasses as dictionaries in the order of their fields, tuples as lists."""
    if dataclasses.is_dataclass(value):
        content = {}
        for part in dataclasses.fields(value):
            inner = getattr(value, part.name)
            if inner is None and part.metadata:
                inner = part.metadata["none"]
            if inner is not None or part.default is dataclasses.MISSING:
                content[part.name] = to_json(inner)
        return content
    if isinstance(value, dict):
        return {key: to_json(inner) for key, inner in value.items()}
    return [to_json(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def as_text(content: Any) -> str:
    """JSON, indented, with each list of numbers on one line: a hundred lost images should not take a hundred lines."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return re.sub(r'\[\n\s+([^\[\]{}"]*?)\n\s+\]', lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text) + "\n"


def made(kind: type[Kind], value: Any, where: str, place: str = "") -> Kind:
    """The dataclass `kind` from the dictionary `value`, which stands at `place` in the file `where`.

    Raises UserError where a field is missing, unknown, or of another type.
    """
    if not isinstance(value, dict):
        raise _broken(where, place, value, "an object")
    hints, known, given = get_type_hints(kind), {}, dict(value)
    for part in dataclasses.fields(kind):  # type: ignore[arg-type]
        at = f"{place}.{part.name}".lstrip(".")
        if part.name in given:
            found = given.pop(part.name)
            known[part.name] = None if part.metadata and found == part.metadata["none"] else typed(hints[part.name], found, where, at)
        elif part.default is dataclasses.MISSING:
            raise UserError(f"{where} lacks {at}. Run the lab again to make a whole one.")
    if given:
        raise UserError(f"{where} has a field that this version of the course does not know: {f'{place}.{next(iter(given))}'.lstrip('.')}.")
    return kind(**known)


def typed(kind: Any, value: Any, where: str, place: str) -> Any:
    """`value`, which stands at `place` in the file `where`, as the annotation `kind` has it: a dataclass, tuple[X, ...], dict[str, X], X | None, or a plain value.

    Raises UserError where it is of another type.
    """
    if kind is Any:
        return value
    inner = get_args(kind)
    if get_origin(kind) is types.UnionType:
        return None if value is None else typed(inner[0], value, where, place)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _broken(where, place, value, "a list")
        return tuple(typed(inner[0], each, where, f"{place}[{number}]") for number, each in enumerate(value))
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise _broken(where, place, value, "an object")
        return {key: typed(inner[1], each, where, f"{place}.{key}") for key, each in value.items()}
    if dataclasses.is_dataclass(kind):
        return made(kind, value, where, place)  # type: ignore[arg-type]
    fits = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool)
    if not fits:
        raise _broken(where, place, value, {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[kind])
    return value


def _broken(where: str, place: str, value: Any, wanted: str) -> UserError:
    return UserError(f"{where} is broken: {place or 'the whole'} should be {wanted}, not {json.dumps(value)[:60]}.")
