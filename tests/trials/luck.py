"""Is a verdict ever luck? Every answer in the banks, over many seeds: `python -m tests.trials.luck --seeds 100 01 02 03`.

A right answer must get every point with every seed, a wrong one the same points, fewer than all. What does not is printed, with
the points and the first seeds that gave them. Exit status 1 if there is any. Without names of lessons (the beginning of their
names is enough) all are tried. Answers are asked in this process.
"""

import argparse
import collections
import contextlib
import functools
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

from autograder.authoring import answers
from autograder.checks import asking
from autograder.checks.files import bank
from autograder.checks.run import run_checks
from autograder.checks.verdict import credit
from autograder.course import catalogue


def entries(lesson):
    """(exercise, how it is called, right, names that replace the solution's) for the solution and every answer of a bank."""
    exercises = {e.id: e for e in catalogue.lessons()[lesson].exercises if not e.by_hand and not e.files}
    for exercise in exercises.values():
        yield exercise, "the solution", True, {}
    for answer in bank(lesson):
        if answer.exercise in exercises:
            yield exercises[answer.exercise], answer.note, answer.right, answer.names


solution_of = functools.cache(answers.solution)


def layers(lesson):
    """[{exercise: (how the answer is called, right, names)}]: the first answer to each exercise, the second, and so on."""
    mine = collections.defaultdict(list)
    for exercise, *answer in entries(lesson):
        mine[exercise.id].append(answer)
    return [
        {exercise: answers[at] for exercise, answers in mine.items() if at < len(answers)} for at in range(max(map(len, mine.values())))
    ]


def outcomes_of(lesson, layer, seed, solution):
    """What the checks say with one seed of one answer to each exercise: one run of pytest, each answer asked beside the solution."""

    def question(exercise):
        return contextlib.nullcontext(asking.Direct({**solution, **layer[exercise][2]}))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_checks(lesson, question, seed=seed, exercises=list(layer), hidden=True)


def points_of(exercise, outcomes):
    """The points of one answer, the checks that it failed, and whether one broke by a fault of ours."""
    statuses, points = credit(exercise, [each for each in outcomes if each.exercise == exercise.id], hidden=True)
    return points, tuple(name for name, status in statuses.items() if status != "passed"), "grader_error" in statuses.values()


def judged(exercise, note, right, by_seed):
    """A line about an answer whose verdict is luck, wrong, or a fault of ours; None where all is well. `by_seed`: seed -> outcomes."""
    found, checks = collections.defaultdict(list), collections.Counter()
    for seed, outcomes in by_seed.items():
        points, failed, broken = points_of(exercise, outcomes)
        if broken:
            return f"{exercise.id}: GRADER ERROR with seed {seed}: {note}"
        found[points].append(seed)
        checks.update(failed)
    full = exercise.points
    if (right and set(found) == {full}) or (not right and len(found) == 1 and full not in found):
        return None
    told = "; ".join(
        f"{points:g} points with {len(at)} seeds ({', '.join(map(str, at[:3]))}{' ...' if at[3:] else ''})"
        for points, at in sorted(found.items())
    )
    sometimes = ", ".join(f"{name} {count}" for name, count in checks.items() if count < len(by_seed))
    return f"{exercise.id}: {'RIGHT' if right else 'WRONG'}, {told} of {full:g}: {note}" + (
        f" [fails now and then: {sometimes}]" if sometimes else ""
    )


def tried(lesson, seeds, at):
    """The lines about one answer to each exercise of a lesson."""
    solution, layer = solution_of(lesson), layers(lesson)[at]
    by_seed = {seed: outcomes_of(lesson, layer, seed, solution) for seed in seeds}
    exercises = catalogue.lessons()[lesson]
    lines = [judged(exercises.exercise(name), note, right, by_seed) for name, (note, right, _) in layer.items()]
    return [line for line in lines if line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lessons", nargs="*")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    lessons = [name for name in catalogue.lessons() if not options.lessons or name.startswith(tuple(options.lessons))]
    seeds = range(options.first, options.first + options.seeds)
    count = 0
    with ProcessPoolExecutor(options.processes) as pool:
        for lesson in lessons:
            started = time.monotonic()
            parts = range(len(layers(lesson)))
            lines = [line for found in pool.map(tried, [lesson] * len(parts), [seeds] * len(parts), parts) for line in found]
            count += len(lines)
            print(
                f"{lesson}: {len(list(entries(lesson)))} answers, {options.seeds} seeds, {len(lines)} with luck or a wrong verdict "
                f"({time.monotonic() - started:.0f} s)",
                *sorted(lines),
                sep="\n  ",
                flush=True,
            )
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
