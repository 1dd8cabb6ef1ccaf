"""Figures of NEW_TITLE. REPLACE: one function for each figure; it draws arrays that the notebook has computed, and returns the figure."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLUE, RED, figure


@figure
def sizes(before, after):
    """Distances from 0, sorted downwards, of the numbers `before`, and of those that are left `after`."""
    made, axes = plt.subplots(figsize=(7, 3.2))
    order = np.argsort(-np.abs(before), kind="stable")
    left = np.flatnonzero(np.asarray(after)[order])
    axes.plot(np.abs(before)[order], "-", color=BLUE, label="all numbers")
    axes.plot(left, np.abs(before)[order][left], "o", color=RED, ms=4, label="those that stay")
    axes.set(xlabel="numbers, sorted", ylabel="distance from 0", title="A few large numbers, a long tail of small ones")
    axes.legend(loc="upper right")
    return made
