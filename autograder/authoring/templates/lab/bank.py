"""The bank of NEW_TITLE: wrong answers that students really give, each with the sentence they read, and right ones written differently.

REPLACE: of every exercise in code three wrong answers at least and a right one; of a prediction every wrong letter. A wrong answer's sentence
says what goes wrong, not what to type; it goes on after "This behaves like a known mistake:". Each function stands by itself.
"""

import numpy as np

from autograder.checks import right, right_value, wrong, wrong_value

# NEW_ID.1-predict

wrong_value("NEW_ID.1-predict", "counts the numbers and not their bytes", predict_NEW_ID_1="a")
wrong_value("NEW_ID.1-predict", "counts bits; eight of them make a byte", predict_NEW_ID_1="c")
right_value("NEW_ID.1-predict", "a capital letter", predict_NEW_ID_1="B")

# NEW_ID.2-keep


@wrong("NEW_ID.2-keep", "keeps the numbers nearest to 0: the sort points the wrong way")
def keep_largest(x, k):
    order, result = np.argsort(np.abs(x), kind="stable"), np.zeros_like(x)
    result[order[:k]] = x[order[:k]]
    return result


@wrong("NEW_ID.2-keep", "compares the numbers with their signs, so large negative ones go")
def keep_largest(x, k):
    order, result = np.argsort(-x, kind="stable"), np.zeros_like(x)
    result[order[:k]] = x[order[:k]]
    return result


@wrong("NEW_ID.2-keep", "removes k numbers instead of keeping k")
def keep_largest(x, k):
    order, result = np.argsort(-np.abs(x), kind="stable"), x.copy()
    result[order[:k]] = 0
    return result


@right("NEW_ID.2-keep", "one number after the other")
def keep_largest(x, k):
    result = np.zeros_like(x)
    for place in sorted(range(len(x)), key=lambda place: (-abs(x[place]), place))[:k]:
        result[place] = x[place]
    return result


# NEW_ID.3-bug


@wrong("NEW_ID.3-bug", "squares the mean; numbers of both signs have cancelled by then")
def mean_square(x):
    return np.mean(x) ** 2


@wrong("NEW_ID.3-bug", "takes the root of the mean square")
def mean_square(x):
    return np.sqrt(np.mean(x**2))


@wrong("NEW_ID.3-bug", "adds the squares up and does not divide by their number")
def mean_square(x):
    return np.sum(x**2)


@right("NEW_ID.3-bug", "a product of the array with itself")
def mean_square(x):
    return x @ x / len(x)
