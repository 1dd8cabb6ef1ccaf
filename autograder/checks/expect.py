"""The comparisons that checks use. Each raises `Mistake`: what was asked, what came, on which input.

NumPy arrays, NumPy scalars, Python numbers and torch tensors are compared by value; the shape counts. None of these breaks on
a reply, whatever it is.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograder.checks.same import from_tensor as from_tensor
from autograder.checks.same import same_data
from autograder.checks.words import as_array, dtype_name, kind_of, on_input, shape_in_words, show, shown_apart, single, type_of
from autograder.checks.words import case as case
from autograder.checks.words import counted as counted
from autograder.course.faults import StudentError
from autograder.sandbox.reply import Reply


class Mistake(AssertionError):
    """A check's verdict on a wrong answer, in words for the student."""


def that(condition: object, message: str) -> None:
    """Raise `Mistake(message)` unless `condition` is true."""
    if not condition:
        raise Mistake(message)


# Values


def close(got: Any, want: Any, *, abs: float | None = None, rel: float | None = None, what: str, on: Any = None) -> None:
    """Same shape, and every |got - want| <= abs + rel * |want| (NaN and infinity must match exactly).

    Give at least one of `abs` and `rel`; both are derived by the caller, never guessed.
    """
    if abs is None and rel is None:
        raise TypeError("close() needs abs or rel")
    got_array, want_array = _comparable(got, want, what, on)
    with np.errstate(all="ignore"):
        allowed = (abs or 0.0) + (rel or 0.0) * np.abs(want_array.astype(complex if _is_complex(want_array) else float))
        # A share of infinity is infinite: it would let every number pass.
        allowed = np.where(np.isfinite(allowed), allowed, -1.0)
        wide = complex if _is_complex(got_array) or _is_complex(want_array) else float
        difference = np.abs(got_array.astype(wide) - want_array.astype(wide))
        same = (got_array == want_array) | (np.isnan(_real(got_array)) & np.isnan(_real(want_array)))
        good = same | (difference <= allowed)
    if not good.all():
        raise Mistake(_told(got_array, want_array, good, what, on))


def equal(got: Any, want: Any, *, what: str, on: Any = None) -> None:
    """Exactly equal values of the same shape. The data type may differ (see `dtype`).

    Lists, tuples and dicts are compared item by item; an array of texts counts as the list of them.
    """
    if isinstance(want, (str, bytes, type(None), list, tuple, dict)):
        if not _alike(got, want):
            raise Mistake(f"{what}: expected {show(want)}, got {shown_apart(got, want)}{_parting(got, want)}{on_input(on)}")
        return
    got_array, want_array = _comparable(got, want, what, on)
    good = got_array == want_array
    if not good.all():
        raise Mistake(_told(got_array, want_array, good, what, on))


def _alike(got: Any, want: Any) -> bool:
    if isinstance(want, (list, tuple)):
        if isinstance(got, np.ndarray) and got.dtype.kind == "U" and got.ndim == 1:
            got = type(want)(got.tolist())
        return type(got) is type(want) and len(got) == len(want) and all(map(_alike, got, want))
    if isinstance(want, dict):
        return type(got) is dict and got.keys() == want.keys() and all(_alike(got[key], want[key]) for key in want)
    if isinstance(want, (str, bytes, type(None))):
        if isinstance(got, np.ndarray) and got.dtype.kind == "U" and got.shape == ():
            got = got.item()
        return type(got) is type(want) and got == want
    got_array, want_array = as_array(got), as_array(want)
    if got_array is None or want_array is None:
        return same_data(got, want, exact=True)
    return got_array.shape == want_array.shape and bool((got_array == want_array).all())


def _parting(got: Any, want: Any) -> str:
    """Where two lists, tuples or dicts part, if that is not at their beginning: "; they part at [2][0]". Nothing for anything else."""
    place = ""
    while type(got) is type(want) and isinstance(want, (list, tuple, dict)):
        keys = list(want) if isinstance(want, dict) else range(min(len(got), len(want)))
        key = next((each for each in keys if isinstance(want, dict) and each not in got or not _alike(got[each], want[each])), None)
        if key is None:  # one goes on where the other ends, or has keys that the other has not
            if isinstance(want, dict) or not keys:
                break
            return f"; they part {f'at {place}, ' if place else ''}after {counted(len(keys), 'entry', 'entries')}"
        place += f"[{key!r:.40}]"
        if isinstance(want, dict) and key not in got:
            break
        got, want = got[key], want[key]
    return f"; they part at {place}" if place.strip("[0]") else ""


def _comparable(got: Any, want: Any, what: str, on: Any) -> tuple[np.ndarray, np.ndarray]:
    want_array: Any = as_array(want)
    got_array = as_array(got)
    if got_array is None:
        kind = "an array" if want_array.ndim else "a number"
        raise Mistake(f"{what}: expected {kind}, got {kind_of(got)}{on_input(on)}")
    if got_array.shape != want_array.shape:
        raise Mistake(f"{what}: expected {shape_in_words(want_array.shape)}, got {shape_in_words(got_array.shape)}{on_input(on)}")
    return got_array, want_array


def _is_complex(array: np.ndarray) -> bool:
    return np.iscomplexobj(array)


def _real(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "fc" else array.astype(float)


def _told(got: np.ndarray, want: np.ndarray, good: np.ndarray, what: str, on: Any) -> str:
    where = tuple(int(i) for i in np.argwhere(~good)[0])
    one, other = want[where], got[where]
    detail = shown_apart(other, one)
    if want.ndim == 0:
        return f"{what}: expected {show(one)}, got {detail}{on_input(on)}"
    index = ", ".join(map(str, where))
    if want.size <= 8:
        at = f"; they part at [{index}]" if any(where) else ""
        at = f"; at [{index}]: expected {show(one)}, got {detail}" if show(want) == show(got) else at
        return f"{what}: expected {show(want)}, got {show(got)}{at}{on_input(on)}"
    return (
        f"{what}: {int((~good).sum())} of {want.size} values are wrong; the first is at [{index}]: "
        f"expected {show(one)}, got {detail}{on_input(on)}"
    )


def dtype(got: Any, wanted: Any, *, what: str) -> None:
    """`got` is an array (or scalar) of data type `wanted`."""
    have = dtype_name(got)
    if have is None or have != str(np.dtype(wanted)):
        raise Mistake(f"{what}: expected data type {np.dtype(wanted)}, got {have or kind_of(got)}")


def same_dtype(got: Any, like: Any, *, what: str) -> None:
    """`got` has the data type of `like` (arrays or tensors; float32 is the same in NumPy and torch)."""
    have, wanted = dtype_name(got), dtype_name(like)
    if have != wanted:
        raise Mistake(f"{what}: expected the data type of what was given, {wanted}, got {have or kind_of(got)}")


def raises(expected: type[Exception], call: Callable[[], Any], *, what: str) -> None:
    """`call()` must make the student's code raise `expected` (a built-in exception class) or a subclass."""
    try:
        got = call()
    except StudentError as error:
        if expected.__name__ in (error.type_name, *error.mro):
            return
        raise Mistake(f"{what}: expected {expected.__name__}, but {error}") from None
    raise Mistake(f"{what}: expected {expected.__name__}, but the call returned {show(got)}")


def all_of(*calls: Sequence[Any]) -> None:
    """Runs every (function, *arguments), then raises what the first that failed raised.

    For a check of several cases: the answers to all of them together tell which mistake it is.
    """
    faults = []
    for call, *args in calls:
        try:
            call(*args)
        except (Mistake, StudentError) as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


# Kinds of values


def array(got: Any, what: str, shape: Iterable[int] | None = None, *, kinds: str = "biuf", on: Any = None) -> np.ndarray:
    """A NumPy array or torch tensor as a NumPy array (bfloat16 becomes float32), of a shape if one is given.

    `kinds` are NumPy's letters for kinds of data: b, i, u, f, c. Anything else is a `Mistake`.
    """
    found = as_array(got) if hasattr(got, "shape") else None
    if found is None:
        raise Mistake(f"{what} should be an array or tensor of numbers; got {kind_of(got)}{on_input(on)}")
    if found.dtype.kind not in kinds:
        raise Mistake(f"{what} should hold {_kinds_in_words(kinds)}; its data type is {dtype_name(got)}{on_input(on)}")
    if shape is not None and found.shape != tuple(shape):
        raise Mistake(f"{what} should have {shape_in_words(tuple(shape))}; it has {shape_in_words(found.shape)}{on_input(on)}")
    return found


def _kinds_in_words(kinds: str) -> str:
    words = {"b": "True and False", "i": "whole numbers", "f": "numbers with a fraction", "c": "complex numbers"}
    return " or ".join(word for kind, word in words.items() if kind in kinds) or "whole numbers"


def several(got: Any, count: int, what: str, on: object = None) -> Any:
    """The `count` values that a function returned as a tuple or a list."""
    wanted = {2: "two", 3: "three"}.get(count, count)
    if not isinstance(got, (tuple, list)):
        raise Mistake(f"{what} should return {wanted} values; it returned {kind_of(got)}{on_input(on)}")
    if len(got) != count:
        raise Mistake(f"{what} should return {wanted} values; it returned {len(got)}{on_input(on)}")
    return got


def whole_number(got: Any, what: str, on: Any = None) -> int:
    """A Python or NumPy integer, or an array or tensor of integers of shape (), as an int. Not a bool, not 3.0."""
    found = single(got)
    if isinstance(found, (int, np.integer)) and not isinstance(found, bool):
        that(int(found).bit_length() <= 1000, f"{what} is far too large: {kind_of(got)}{on_input(on)}")
        return int(found)
    if isinstance(found, (float, np.floating)) and np.isfinite(found) and found == int(found):
        raise Mistake(f"{what} should be a whole number, an int; got {show(got)}, {type_of(got)}{on_input(on)}")
    raise Mistake(f"{what} should be one whole number; got {kind_of(got)}{on_input(on)}")


def real_number(got: Any, what: str, on: Any = None) -> float:
    """A finite real number, Python's, NumPy's, or an array or tensor of shape (), as a float. Not a bool."""
    found = single(got)
    if isinstance(found, (int, float, np.integer, np.floating)) and not isinstance(found, bool):
        try:
            number = float(found)
        except OverflowError:
            raise Mistake(f"{what} is far too large: {kind_of(got)}{on_input(on)}") from None
        that(np.isfinite(number), f"{what} should be a finite number; it is {kind_of(number)}{on_input(on)}")
        return number
    raise Mistake(f"{what} should be one number; got {kind_of(got)}{on_input(on)}")


def text(got: Any, what: str, on: Any = None) -> str:
    """A text, or an array of shape () with one, as a str."""
    if isinstance(got, np.ndarray) and got.shape == () and got.dtype.kind == "U":
        got = got.item()
    if not isinstance(got, str):
        raise Mistake(f"{what} should be a text; got {kind_of(got)}{on_input(on)}")
    return got


def letter(value: Any, name: str) -> str | None:
    """The choice in a predict question, as one lower-case letter: "c", "C" and "(c)" are the same."""
    chosen = plain_letter(value)
    that(chosen in ("a", "b", "c", "d"), f'Write one letter in quotes: "a", "b", "c" or "d". Here `{name}` is {show(value)}.')
    return chosen


def plain_letter(value: Any) -> str | None:
    """A text without spaces, brackets and capitals; None for anything else."""
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind == "U":
        value = value.item()
    return value.strip().strip("()").strip().lower() if isinstance(value, str) else None


# What a function does


def differentiable(answer: Reply, *, what: str) -> None:
    """`answer` is that to `student.gradient(...)`: a graph leads back to everything that was asked about."""
    cut = "`.item()`, `.detach()`, `torch.no_grad()`, `torch.tensor(...)` or NumPy on the way cuts it"
    if not answer.attached:
        raise Mistake(f"{what} carries no gradient, so `.backward()` cannot be called on it: {cut}")
    if any(each is None for each in _flat(answer.grads)):
        raise Mistake(f"{what}: no gradient arrives at what it was computed from: {cut}")


def _flat(grads: Any) -> Iterator[Any]:
    if isinstance(grads, (list, tuple, dict)):
        for each in grads.values() if isinstance(grads, dict) else grads:
            yield from _flat(each)
    else:
        yield grads


def new_object(student: Any, *, what: str, args: Container[int | str] | None = None) -> None:
    """The last answer shares no memory with what the function was given: who changes the one does not change the other.

    `args` are the places of the arguments that count (positions, or names of keywords); all if it is None.
    """
    if any(args is None or place in args for place in student.shared):
        raise Mistake(f"{what} is, or shares memory with, what the function was given: who changes one of them changes both. Return a copy")


def reproducible(call: Callable[[], Any], *, what: str) -> Any:
    """`call()` twice gives the same answer, which is returned. For a function with a seed: the same seed, the same answer."""
    first, second = call(), call()
    if not same_data(first, second, exact=True):
        raise Mistake(f"{what}: two calls with the same arguments gave {show(first)} and {shown_apart(second, first)}")
    return first


FOLDED = (0, 256, 1000, 1024, 10_000, 65_536)  # whoever keeps a part of the seed takes some of them for one


def seed_matters(call: Callable[[int], Any], *, what: str, seeds: Iterable[int] = (0, 1, 2)) -> list[Any]:
    """`call(seed)` gives another answer for each of the seeds, and for seeds far apart; 0 is a seed like any other. Returns the answers.

    Take inputs so large that two right answers are not the same by chance.
    """
    seeds = tuple(dict.fromkeys((*seeds, *FOLDED)))
    answers = [call(seed) for seed in seeds]
    for at, seed in enumerate(seeds):
        for other in range(at):
            if same_data(answers[at], answers[other]):
                raise Mistake(f"{what}: the seeds {seeds[other]} and {seed} give the same answer; another seed should give another one")
    return answers
