"""The hidden checks of NEW_TITLE. They run only when grading, outside of the student's process, on random inputs.

REPLACE: the first check of an exercise is its core: if it fails, the exercise gives no points. Later ones are edge cases and are counted one
by one. The points of an exercise's checks add up to its own.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import all_of, letter, that
from course_lessons.NEW_FOLDER.visible import COUNT, LEFT, kept, squares, table_is_that_of

# NEW_ID.1


@exercise("NEW_ID.1-predict", points=10)
def test_the_right_letter(student, rng):
    that(letter(student.value("predict_NEW_ID_1"), "predict_NEW_ID_1") == "b", "That is not the right choice.")


# NEW_ID.2


@exercise("NEW_ID.2-keep", points=25)
def test_keep_the_largest_of_random_numbers(student, rng):
    all_of(
        *((kept, student, rng.normal(size=count), int(rng.integers(1, count))) for count in (5, 12)),
        (kept, student, rng.normal(size=9).astype(np.float32), 4),
    )


@exercise("NEW_ID.2-keep", points=10)
def test_ties_none_and_all(student, rng):
    all_of(
        (kept, student, rng.permutation([2.0, -2.0, 2.0, 1.0, -1.0]), 2),
        (kept, student, rng.normal(size=4), 0),
        (kept, student, rng.normal(size=4), 4),
    )


# NEW_ID.3


@exercise("NEW_ID.3-bug", points=15)
def test_mean_square_of_random_numbers(student, rng):
    all_of(*((squares, student, rng.normal(size=count)) for count in (1, 4, 30)))


# NEW_ID.4. What everybody starts from is known here, so what must be left is, too.


@exercise("NEW_ID.4-files", points=20)
def test_the_largest_numbers_are_left(artefacts):
    left = artefacts.array("left.npy")
    that(left.shape == (COUNT,), f"`left.npy` should hold {COUNT} numbers in a row; its shape is {left.shape}.")
    weights = np.random.default_rng(0).normal(size=COUNT).astype(np.float32)
    order = np.argsort(-np.abs(weights), kind="stable")[:LEFT]
    missing = [int(place) for place in order if left[place] != weights[place]]
    that(
        not missing,
        f"`left.npy`: {len(missing)} of the {LEFT} largest weights are not where they were, the first of them at {missing and missing[0]}.",
    )
    count = int(np.count_nonzero(left))
    that(count == LEFT, f"`left.npy`: {count} numbers are not zero; {LEFT} should be.")


@exercise("NEW_ID.4-files", points=5)
def test_the_table_is_true(artefacts):
    table_is_that_of(artefacts, artefacts.array("left.npy"))
