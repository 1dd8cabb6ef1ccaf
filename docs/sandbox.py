"""Draws docs/sandbox.png, the picture of the processes that grade: `python docs/sandbox.py`. A test sees that the two are in step.

Nothing in it rests on colour: who is trusted is said in words and by the thickness of a frame, what holds student code by hatching.
"""

import hashlib
from pathlib import Path

import matplotlib
import matplotlib.figure

matplotlib.use("Agg")

from matplotlib.patches import FancyBboxPatch  # noqa: E402

from autograder.course.figure_style import BLACK, BLUE, GREY, ORANGE, STYLE  # noqa: E402

HERE = Path(__file__).resolve()
PICTURE = HERE.with_suffix(".png")
# What each box is called, the file whose code it runs, and what it does. The test looks whether the files are there.
BOXES = {
    "class": ("course grade", "autograder/grading/class_run.py", "finds submissions,\nwrites results and grades"),
    "worker": ("Worker", "autograder/grading/workers.py", "one for each core; takes one\nsubmission after the other"),
    "checks": ("Checks, in the worker", "autograder/checks/run.py", "pytest; knows seed and answers,\nsees of a student only data"),
    "session": ("Session, in the worker", "autograder/sandbox/session.py", "holds the clock: cells to run,\nquestions to ask"),
    "warm": (
        "Warm parent",
        "autograder/sandbox/inside/main.py",
        "has imported the public libraries;\nruns no student code, has one thread",
    ),
    "supervisor": (
        "Supervisor",
        "autograder/sandbox/inside/supervisor.py",
        "one for each submission; makes, keeps and\nkills its processes; runs no student code",
    ),
    "state": ("State", "autograder/sandbox/inside/state.py", "the notebook after its\nlast cell; frozen"),
    "question": ("Guest", "autograder/sandbox/inside/state.py", "runs one cell, or answers\none exercise's questions"),
}


def box(axes, name, x, y, width, height, trusted, student=False):
    """One process: its name in bold, its file, what it does."""
    title, file, words = BOXES[name]
    frame = FancyBboxPatch(
        (x, y),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        linewidth=2.4 if trusted else 1.2,
        edgecolor=BLACK,
        facecolor="white",
        zorder=2,
    )
    axes.add_patch(frame)
    if student:
        edge = FancyBboxPatch(
            (x, y),
            0.28,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            linewidth=0,
            facecolor=ORANGE,
            hatch="////",
            edgecolor=BLACK,
            zorder=3,
        )
        axes.add_patch(edge)
    middle = x + width / 2 + (0.14 if student else 0)
    axes.text(middle, y + height - 0.3, title, ha="center", va="center", weight="bold", size=11, zorder=4)
    axes.text(
        middle,
        y + height - 0.62,
        file.removeprefix("autograder/"),
        ha="center",
        va="center",
        size=8.5,
        family="monospace",
        color=BLUE,
        zorder=4,
    )
    axes.text(middle, y + (height - 0.8) / 2, words, ha="center", va="center", size=9, zorder=4, linespacing=1.25)


def arrow(axes, start, end, words="", at=None, fork=False, both=False, align="center"):
    """A socket (solid; `both` ways), or a fork (dashed, one way)."""
    style = {
        "arrowstyle": "<|-|>" if both else "-|>",
        "linewidth": 1.6,
        "color": GREY if fork else BLACK,
        "mutation_scale": 14,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", end, start, arrowprops={**style, "linestyle": (0, (4, 2)) if fork else "solid"}, zorder=5)
    if words:
        place = at or ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        axes.text(
            *place,
            words,
            ha=align,
            va="center",
            size=8.5,
            zorder=6,
            linespacing=1.2,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
        )


def ground(axes, x, y, width, height, words, colour, line):
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.2",
            facecolor=colour,
            edgecolor=BLACK,
            linestyle=line,
            linewidth=1.2,
        )
    )
    axes.text(x + 0.2, y + height - 0.28, words, ha="left", va="center", size=10, style="italic", zorder=4)


def draw():
    """The picture, as a matplotlib Figure."""
    with matplotlib.rc_context({**STYLE, "font.family": "DejaVu Sans", "figure.constrained_layout.use": False}):
        figure = matplotlib.figure.Figure(figsize=(12.4, 8.2), dpi=120)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, 15.5)
        axes.set_ylim(0, 10.25)
        axes.axis("off")
        ground(axes, 0.2, 1.05, 5.0, 9.0, "Trusted: the grader's own processes", "#F4F4F4", "solid")
        ground(axes, 6.9, 1.05, 8.4, 9.0, "bubblewrap, one for each worker: no network, no course, libraries read-only", "#E3F1FA", "solid")
        ground(axes, 7.2, 1.3, 7.8, 6.0, "one submission: namespaces and a /tmp of its own, limits, no rights", "#CFE3F0", (0, (2, 2)))

        box(axes, "class", 0.6, 7.75, 4.2, 1.75, trusted=True)
        box(axes, "worker", 0.6, 5.55, 4.2, 1.65, trusted=True)
        box(axes, "checks", 0.6, 3.5, 4.2, 1.65, trusted=True)
        box(axes, "session", 0.6, 1.3, 4.2, 1.7, trusted=True)
        box(axes, "warm", 8.4, 7.75, 5.4, 1.75, trusted=True)
        box(axes, "supervisor", 8.4, 4.9, 5.4, 1.8, trusted=True)
        box(axes, "state", 11.5, 1.65, 3.2, 1.85, trusted=False, student=True)
        box(axes, "question", 7.45, 1.65, 3.2, 1.85, trusted=False, student=True)

        arrow(axes, (2.7, 7.75), (2.7, 7.2), "a task: bytes, seed, limits", at=(2.7, 7.47))
        arrow(axes, (2.7, 5.55), (2.7, 5.15))
        arrow(axes, (2.7, 3.5), (2.7, 3.0), "call, value, gradient", at=(2.7, 3.25))
        arrow(axes, (4.8, 6.6), (8.4, 8.3), "start, end\n(JSON)", at=(6.05, 7.85), both=True)
        arrow(axes, (4.8, 2.7), (8.4, 5.6), "fork, keep, drop,\nused, crowd (JSON)", at=(6.02, 4.75), both=True)
        arrow(axes, (4.8, 1.95), (7.45, 2.4), "cells, questions,\nreplies: data only\n(wire)", at=(6.05, 1.62), both=True)
        arrow(axes, (13.55, 7.75), (13.55, 6.7), "forks, for each submission", at=(12.9, 7.53), fork=True)
        arrow(axes, (13.3, 4.9), (13.3, 3.5), "forks the first,\nfreezes, wakes, kills", at=(13.45, 4.3), fork=True)
        arrow(axes, (11.5, 2.6), (10.65, 2.6), "forks", at=(11.07, 2.95), fork=True)
        bent = {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.35", "linewidth": 1.6, "color": BLACK, "mutation_scale": 14}
        axes.annotate("", (12.2, 3.5), (9.6, 3.5), arrowprops={**bent, "shrinkA": 0, "shrinkB": 0}, zorder=5)
        axes.text(
            9.3,
            4.42,
            "keep: a guest whose cell\nended well is the next state",
            ha="center",
            va="center",
            size=8.5,
            linespacing=1.2,
            zorder=6,
        )

        for x, end, words, fork, both in (
            (0.3, 1.1, "a socket", False, True),
            (2.35, 3.15, "a task or call", False, False),
            (4.95, 5.75, "a fork", True, False),
        ):
            arrow(axes, (x, 0.62), (end, 0.62), fork=fork, both=both)
            axes.text(end + 0.12, 0.62, words, va="center", size=9)
        axes.add_patch(
            FancyBboxPatch(
                (6.95, 0.42), 0.6, 0.4, boxstyle="round,pad=0,rounding_size=0.05", facecolor="white", edgecolor=BLACK, linewidth=2.4
            )
        )
        axes.text(7.7, 0.62, "runs no student code", va="center", size=9)
        axes.add_patch(
            FancyBboxPatch(
                (10.25, 0.42),
                0.6,
                0.4,
                boxstyle="round,pad=0,rounding_size=0.05",
                facecolor=ORANGE,
                edgecolor=BLACK,
                hatch="////",
                linewidth=1.2,
            )
        )
        axes.text(11.0, 0.62, "student code has run here: what it says is not believed", va="center", size=9)
    return figure


def drawn_from():
    """What the picture must say it was drawn from: a hash of this file."""
    return hashlib.sha256(HERE.read_text(encoding="utf-8").encode()).hexdigest()


if __name__ == "__main__":
    draw().savefig(PICTURE, metadata={"Source": drawn_from(), "Software": None})
    print(f"Written: {PICTURE}")
