"""The visible checks of NEW_TITLE. They run in the student's kernel, on small inputs that can be followed on paper.

REPLACE: one or more checks for each exercise. The words are for the student: what was asked, what came, on which input.
Several cases go through `all_of`: all are asked before one is judged, so that a known mistake can be told from all of them together.
`autograder.checks.expect` has the comparisons. What the hidden checks need, too, stands here as a function.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import all_of, array, close, equal, letter, real_number, same_dtype, show, that

# NEW_ID.1


@exercise("NEW_ID.1-predict")
def test_predict_bytes(student, rng):
    chosen = letter(student.value("predict_NEW_ID_1"), "predict_NEW_ID_1")
    that(chosen == "b", f"({chosen}) is not right.")


# NEW_ID.2


def zeros_counted(student, x):
    on = f"x = {show(x)}"
    got = real_number(student.share_of_zeros(x), "The share of zeros", on)
    # A share of n numbers is a sum of ones over n: float32 rounds it at 6e-8.
    close(got, np.count_nonzero(x == 0) / x.size, abs=1e-6, what="the share of zeros", on=on)


@exercise("NEW_ID.2-zeros")
def test_share_of_zeros_in_the_worked_example(student, rng):
    all_of(
        (zeros_counted, student, np.array([0.0, 3.0, 0.0, -1.0])),
        (zeros_counted, student, np.array([[0.0, 2.0, 0.0], [0.0, 1.0, -5.0]])),
    )


# NEW_ID.3


def kept(student, x, k):
    on = f"x = {show(x)}, k = {k}"
    got = array(student.keep_largest(x, k), "The result of keep_largest", x.shape, kinds="f", on=on)
    want = np.zeros_like(x)
    for place in sorted(range(len(x)), key=lambda place: (-abs(x[place]), place))[:k]:
        want[place] = x[place]
    equal(got, want, what="what is kept", on=on)
    same_dtype(got, x, what="what is kept")


@exercise("NEW_ID.3-keep")
def test_keep_two_of_the_worked_example(student, rng):
    all_of(
        (kept, student, np.array([1.0, -3.0, 2.0, -2.0]), 2),
        (kept, student, np.array([0.5, 4.0, -1.0], np.float32), 1),
    )


# NEW_ID.4


def squares(student, x):
    on = f"x = {show(x)}"
    got = real_number(student.mean_square(x), "The mean square", on)
    # Positive numbers are added up: float64 rounds at 1e-16 for each of them, and float32 would at 6e-8.
    close(got, sum(float(number) ** 2 for number in x) / len(x), rel=1e-5, what="the mean square", on=on)


@exercise("NEW_ID.4-bug")
def test_mean_square_of_two_numbers(student, rng):
    all_of(
        (squares, student, np.array([1.0, -1.0])),
        (squares, student, np.array([3.0, 1.0, 2.0])),
    )
