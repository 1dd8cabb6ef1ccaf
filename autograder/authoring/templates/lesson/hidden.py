"""The hidden checks of NEW_TITLE. They run only when grading, outside of the student's process, on random inputs.

REPLACE: the first check of an exercise is its core: if it fails, the exercise gives no points. Later ones are edge cases and are counted one
by one. The points of an exercise's checks add up to its own.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import all_of, letter, that
from course_lessons.NEW_FOLDER.visible import kept, squares, zeros_counted

# NEW_ID.1


@exercise("NEW_ID.1-predict", points=10)
def test_the_right_letter(student, rng):
    that(letter(student.value("predict_NEW_ID_1"), "predict_NEW_ID_1") == "b", "That is not the right choice.")


# NEW_ID.2


@exercise("NEW_ID.2-zeros", points=20)
def test_share_of_zeros_in_random_arrays(student, rng):
    shapes = ((7,), (3, 4), (2, 3, 2))
    all_of(*((zeros_counted, student, rng.integers(-1, 2, shape) * rng.uniform(1, 2, shape)) for shape in shapes))


@exercise("NEW_ID.2-zeros", points=10)
def test_nothing_but_zeros_and_no_zero_at_all(student, rng):
    all_of(
        (zeros_counted, student, np.zeros((2, 5))),
        (zeros_counted, student, rng.uniform(1e-9, 1, 6)),
    )


# NEW_ID.3


@exercise("NEW_ID.3-keep", points=20)
def test_keep_the_largest_of_random_numbers(student, rng):
    all_of(
        *((kept, student, rng.normal(size=count), int(rng.integers(1, count))) for count in (5, 12)),
        (kept, student, rng.normal(size=9).astype(np.float32), 4),
    )


@exercise("NEW_ID.3-keep", points=10)
def test_ties_none_and_all(student, rng):
    all_of(
        (kept, student, rng.permutation([2.0, -2.0, 2.0, 1.0, -1.0]), 2),
        (kept, student, rng.normal(size=4), 0),
        (kept, student, rng.normal(size=4), 4),
    )


# NEW_ID.4


@exercise("NEW_ID.4-bug", points=15)
def test_mean_square_of_random_numbers(student, rng):
    all_of(*((squares, student, rng.normal(size=count)) for count in (1, 4, 30)))
