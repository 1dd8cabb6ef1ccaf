"""Figures of the lab Deploy and watch."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, figure


@figure
def distances_in_time(looks, paths, allowed):
    """Both distances at each look, a row for each stream. `paths`: name -> (distances (looks, 2), image of the fault); `allowed`: the limits."""
    made, panels = plt.subplots(len(paths), 2, figsize=(10.5, 1.9 * len(paths)), sharex=True, sharey=True)
    for row, (name, (values, fault)) in zip(panels, paths.items()):
        for axes, column, limit, colour, what in zip(row, values.T, allowed, (BLUE, GREEN), ("sureness", "answers")):
            axes.plot(looks, np.maximum(column, 1e-3), "-o", color=colour, ms=2.5, lw=1)
            axes.axhline(limit, color=BLACK, lw=1.2, ls="--")
            if fault < looks[-1]:
                axes.axvline(fault, color=BLACK, lw=1.4, ls=":")
            axes.set(yscale="log", title=f"{name}: {what}")
    for axes in panels[-1]:
        axes.set_xlabel("images seen")
    for axes in panels[:, 0]:
        axes.set_ylabel("PSI (log)")
    return made
