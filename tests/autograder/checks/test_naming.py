"""When a wrong answer is called a known mistake, and when it is not: a wrong name is worse than none."""

import contextlib

import numpy as np
import pytest
import torch

from autograder.authoring.answers import solution
from autograder.checks import asking, law, laws, naming
from autograder.checks.files import bank
from autograder.checks.naming import named_mistake
from autograder.checks.run import Outcome, run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue
from autograder.sandbox import calling
from autograder.sandbox.reply import Reply


def named(lesson, exercise, names, hidden=True):
    """The sentence that an answer earns."""
    direct = asking.Direct({**solution(lesson), **names})
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=1, exercises=[exercise], hidden=hidden)
    assert exercise in catalogue.lesson_of(exercise).exercise(exercise).id and any(each.status != "passed" for each in outcomes)
    return named_mistake(bank(lesson), exercise, outcomes)


# The same mistake in other words and other arithmetic


def half_up(scores, n_keep):
    return np.array(sorted(np.argsort(-scores.numpy(), kind="stable").tolist()[: len(scores) - n_keep]), dtype=np.int64)


def bits_of(p):
    return torch.tensor([sum(-x * np.log2(x) for x in row if x > 0) for row in p.double().tolist()], dtype=torch.float32)


def test_a_mistake_in_other_arithmetic_is_named():
    assert "in place of keeping n_keep" in named(
        "03_structured_pruning", "3.3-keep", {"kept_channels": lambda s, n: torch.from_numpy(half_up(s, n))}
    )
    assert "measures in bits" in named("04_distillation", "4.2-soften", {"entropy": bits_of})


# Names that do not fit


def second_half(scores, n_keep):
    """For 3 of 5 as "one too few" and as "those to remove"; only other sizes show that it is neither."""
    return torch.argsort(scores, descending=True, stable=True)[: len(scores) // 2].sort().values


def leaf(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    first.weight[0] = right[0]  # an in-place change of a leaf that requires a gradient
    return torch.nn.Sequential(first)


def lost_parameter(acc, m, shift, zero_point, qmin):
    return acc


def broken_elsewhere(scores, n_keep):
    return [0][len(scores)]


def in_place(logits, temperature):
    logits -= logits.max(dim=1, keepdim=True).values
    return torch.softmax(logits / temperature, dim=1)


@pytest.mark.parametrize("hidden", [False, True], ids=["in the notebook", "graded"])
@pytest.mark.parametrize(
    "lesson, exercise, names",
    [
        ("03_structured_pruning", "3.3-keep", {"kept_channels": second_half}),
        ("03_structured_pruning", "3.3-keep", {"kept_channels": broken_elsewhere}),
        ("05_low_rank", "5.6-layers", {"two_linears": leaf}),
        ("01_affine_quantization", "1.8-matmul", {"requantize": lost_parameter}),
        ("04_distillation", "4.2-soften", {"soften": in_place}),
    ],
    ids=["2 of 5 are also one too few", "another exception", "another RuntimeError", "another TypeError", "changed in place alone"],
)
def test_another_mistake_is_not_called_by_a_known_name(lesson, exercise, names, hidden):
    assert named(lesson, exercise, names, hidden) is None


def test_what_stops_another_function_is_not_explained():
    """A known mistake in one function, and a time-out, an exception or a crash beside it."""

    def fails(*args):
        raise RuntimeError("no")

    known = {"entropy": bits_of}
    assert named("04_distillation", "4.2-soften", known)
    assert named("04_distillation", "4.2-soften", {**known, "soften": fails}) is None


# The pieces


def fault_of(function, *args):
    with pytest.raises(asking.StudentError) as raised:
        asking.Direct({"f": function}).call("f", args, {})
    return raised.value


def at_a(x):
    return [1, 2][x]


def at_b(values):
    table = {"k": [5]}
    return table["k"][values]


def at_a_again(n):
    return [1, 2][n]


def with_numbers(x):
    return np.zeros(3)[x]


def with_numbers_elsewhere(x):
    first, last = np.ones(3), 0
    return last + first[x]


def test_exceptions_are_compared_by_type_words_and_place():
    assert naming.same_fault(fault_of(at_a, 7), fault_of(at_a_again, 7)), "names do not count"
    assert not naming.same_fault(fault_of(at_a, 7), fault_of(at_b, 7)), "one sentence, another expression"
    assert naming.same_fault(fault_of(with_numbers, 7), fault_of(with_numbers_elsewhere, 7)), (
        "the sentence has the index and the size in it"
    )
    assert not naming.same_fault(fault_of(with_numbers, 7), fault_of(with_numbers, 8))
    assert not naming.same_fault(fault_of(at_a, "x"), fault_of(at_a, 7))


def test_the_place_of_an_exception_is_in_the_students_own_code():
    for function in (lambda: torch.ones(2, 3) @ torch.ones(2, 3), lambda: np.linalg.inv(np.ones((2, 3)))):
        try:
            function()
        except Exception as error:
            assert calling.place(error).startswith(("x.ones(2, 3) @", "x.linalg.inv("))


def question(value, *args):
    return asking.Asked("f", args, {}, reply=asking.Reply(value))


@pytest.mark.parametrize(
    "replies, telling",
    [
        ([([0, 2], (np.ones(5), 3))], False),
        ([([0, 2], (np.ones(5), 3)), ([1, 3], (np.zeros(5), 3))], False),
        ([([0, 2], (np.ones(5), 3)), ([1, 3], (np.zeros(6), 3))], True),
        ([(np.array([True, False]), (1,)), (np.array([True, True]), (2,))], True),
        ([(2.0, (1,))], False),
        ([(2.5, (1,))], True),
        ([("text", (1,))], True),
        ([(torch.nn.ReLU(), (1,))], True),
        ([(float("nan"), (1,))], False),
    ],
)
def test_few_whole_numbers_tell_nothing(replies, telling):
    assert naming._telling([question(value, *args) for value, args in replies]) is telling


def test_a_law_says_what_of_an_answer_counts(monkeypatch):
    """Factors with free signs are compared by their product."""
    monkeypatch.setattr(naming, "laws", dict(laws))
    u, v = np.random.default_rng(1).normal(size=(2, 3, 3))
    known = naming._Known(students_answer(lambda w: (u, v)))
    asked = question((-u, -v), np.ones(1))
    assert not known.agrees(asked, naming.TIGHT)
    naming.laws["x", "f"] = lambda value: value[0] @ value[1]
    assert known.agrees(asked, naming.TIGHT) and not known.agrees(question((u, -v), np.ones(1)), naming.TIGHT)
    assert not known.agrees(question(3, np.ones(1)), naming.TIGHT)


def test_a_law_may_look_at_the_arguments(monkeypatch):
    """Of two equal counts, either may get the longer word: the bits in all are compared."""
    monkeypatch.setattr(naming, "laws", {("x", "f"): lambda lengths, counts: counts @ lengths})
    known = naming._Known(students_answer(lambda counts: np.array([1, 2, 2])))
    assert known.agrees(question(np.array([2, 1, 2]), np.array([3, 3, 1])), naming.TIGHT)
    assert not known.agrees(question(np.array([2, 1, 2]), np.array([3, 2, 2])), naming.TIGHT)


def test_a_mistake_is_named_when_other_functions_of_the_exercise_call_it():
    """As in the notebook, where `share` calls the student's own `nearest`."""

    def signed(values, codebook):
        return np.argmin(values[:, None] - codebook[None, :], axis=1)

    def share(values, k, rounds):
        book = np.linspace(values.min(), values.max(), k)
        for _ in range(rounds):
            codes = signed(values, book)
            book = np.array([values[codes == i].mean() if i in codes else book[i] for i in range(k)])
        return signed(values, book), book

    for names in ({"nearest": signed}, {"nearest": signed, "share": share}):
        assert "the largest entry always wins" in named("06_stacking", "6.3-share", names)


def students_answer(function):
    from autograder.checks import Answer

    return Answer("x", "a mistake", False, {"f": function})


def test_what_a_call_did_counts_too():
    """Who changes nothing does not make the mistake of one that changes its argument, with the same values."""

    def shifts(x):
        x += 1
        return x * 0.5

    def not_at_all(x):
        return (x + 1) * 0.5

    known = naming._Known(students_answer(shifts))
    for function, agrees in ((shifts, True), (not_at_all, False)):
        asked = asking.Asked("f", (np.ones(2),), {}, reply=asking.Direct({"f": function}).call("f", (np.ones(2),), {}))
        assert known.agrees(asked, naming.TIGHT) is agrees


def test_where_a_data_type_fails_another_type_explains_nothing():
    def grows(logits, temperature):  # float64 is the only thing wrong with it
        return torch.softmax(logits.double() / temperature, dim=1).numpy().astype(np.int64)

    assert named("04_distillation", "4.2-soften", {"soften": grows}) is None
    assert naming.DATA_TYPE.search("The cache should be float32; its type is float64.") and not naming.DATA_TYPE.search(
        "the floats, 32 of them"
    )


def test_a_truth_value_is_not_explained_by_a_float():
    """False and 0.0 are equal; a mistake that is about floats was not made."""

    def from_false(bits, signed):
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (False, 2**bits - 1)

    assert named("01_affine_quantization", "1.2-scale", {"integer_range": from_false}) is None


def test_a_law_is_registered():
    law("no.1-such", "f")(len)
    assert laws.pop(("no.1-such", "f")) is len


@pytest.mark.parametrize(
    "message, asked, says",
    [
        ("The bytes: expected 24, got 5", 1, "The bytes: expected 24, got 5. The call was `weight_bytes([0. 0. 0.])`."),
        ("The bytes: expected 24, got 5, for 3 float64 numbers", 1, "The bytes: expected 24, got 5, for 3 float64 numbers."),
        ("The bytes: expected 24, got 5", 2, "The bytes: expected 24, got 5."),
        ("The bytes: expected 24, got 5", 0, "The bytes: expected 24, got 5."),
    ],
)
def test_the_only_call_is_given_where_no_known_mistake_and_no_input_is(message, asked, says):
    exercise = catalogue.lesson_of("0.1-bytes").exercise("0.1-bytes")
    questions = tuple(asking.Asked("weight_bytes", (np.zeros(3),), {}, reply=Reply(5)) for _ in range(asked))
    outcomes = [Outcome(exercise.id, check.name, "failed", message, questions) for check in exercise.checks if check.visible]
    assert judge(exercise.lesson, exercise, outcomes, hidden=False).message == says
