"""What came back from a question: a value, and what the student's process says about how it was made.

Everything here came from outside, so every field is checked before it is believed to be what it should be. `changed` and
`shared` are the word of the student's own process, and no other is to be had: seen from outside, a function that lies about
them is one that copies its arguments first, which is a right answer and easier to write. So a check may refuse an answer for
them. It must never pass one for them: what an answer has to change in place is asked for by its value.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

CHANGES = {  # the word that crosses -> how it is said
    "values": "its values",
    "shape": "its shape",
    "dtype": "its data type",
    "keys": "its keys",
    "length": "its length",
    "mode": "its mode, `train()` or `eval()`",
    "requires_grad": "`requires_grad` of its parameters",
    "tracked": "its `requires_grad`",
    "statistics": "the statistics of its batch norm",
    "parameters": "its parameters",
    "layers": "its layers",
}
SETTINGS = ("mode", "requires_grad", "tracked")  # what is simply set back
LEFT = {  # a setting of PyTorch that a call left in another state -> how it is said
    "grad": "gradients switched off or on (`torch.set_grad_enabled`): use `with torch.no_grad():`",
    "dtype": "another default data type (`torch.set_default_dtype`)",
}
NAME_LENGTH = 40


@dataclass(frozen=True)
class Change:
    """An argument that the call changed: its place (position or keyword), its name in the function or "", a key of `CHANGES` or ""."""

    place: int | str
    name: str
    what: str

    def __str__(self) -> str:
        called = f"`{self.name}`" if self.name else f"argument {self.place + 1}" if isinstance(self.place, int) else f"`{self.place}`"
        return called + (f" ({CHANGES[self.what]})" if self.what else "")


@dataclass(frozen=True)
class Reply:
    """`value` as data, the arguments that were changed, the places of those that the value shares memory with, and
    `requires_grad` in the value's own structure (a flag for a tensor, a list or dict of them, None where no tensor is); `left` are
    the settings that the call left in another state (keys of `LEFT`).

    Of a gradient question also `grads`, one for each argument asked about (in that argument's structure: a tensor, or name ->
    tensor for a module; None where no gradient arrives), and `attached`: whether the value carries a graph at all.
    """

    value: Any
    changed: tuple[Change, ...] = ()
    shared: tuple[int | str, ...] = ()
    requires_grad: Any = None
    left: tuple[str, ...] = ()
    grads: list | None = None
    attached: bool | None = None

    @property
    def mutated(self) -> list[int | str]:
        """The places of the arguments that were changed: positions, and names of keywords."""
        return [each.place for each in self.changed]

    @classmethod
    def read(cls, data: dict[str, Any], args: Sequence[Any], kwargs: Collection[str], wrt: Sequence[int | str] | None = None) -> "Reply":
        """From the dict that `calling.ask` made. What is not as it should be is left out."""
        places = {*range(len(args)), *kwargs}
        changed = tuple(
            Change(
                place,
                name if isinstance(name, str) and name.isidentifier() and len(name) <= NAME_LENGTH else "",
                what if what in CHANGES else "",
            )
            for place, name, what in _triples(data.get("changed"))
            if place in places
        )
        shared = tuple(place for place in _list(data.get("shared")) if type(place) in (int, str) and place in places)
        left = tuple(name for name in LEFT if any(type(each) is str and each == name for each in _list(data.get("left"))))
        if wrt is None:
            return cls(data.get("value"), changed, shared, data.get("requires_grad"), left)
        grads = _list(data.get("grads"))
        grads = grads if len(grads) == len(wrt) else [None] * len(wrt)
        return cls(data.get("value"), changed, shared, data.get("requires_grad"), left, grads, data.get("attached") is True)


def _list(value: object) -> list:
    return value if type(value) is list else []


def _triples(value: object) -> Iterator[list]:
    for each in _list(value):
        if type(each) is list and len(each) == 3 and type(each[0]) in (int, str) and type(each[1]) is type(each[2]) is str:
            yield each
