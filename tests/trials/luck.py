"""Is a verdict ever luck? Every answer in the banks, over many seeds: `python -m tests.trials.luck --seeds 100 01 02 03`.

A right answer must get every point with every seed, a wrong one the same points, fewer than all. What does not is printed, with
the points and the first seeds that gave them. Exit status 1 if there is any. Without names of lessons (the beginning of their
names is enough) all are tried. Answers are asked in this process.
"""

import argparse
import collections
import contextlib
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


def points_of(lesson, exercise, names, seed, solution):
    """The points of one answer with one seed, and the names of the checks that it failed."""
    direct = asking.Direct({**solution, **names})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=seed, exercises=[exercise.id], hidden=True)
    statuses, points = credit(exercise, outcomes, hidden=True)
    return points, tuple(name for name, status in statuses.items() if status != "passed"), "grader_error" in statuses.values()


def judged(lesson, exercise, note, right, names, seeds, solution):
    """A line about an answer whose verdict is luck, wrong, or a fault of ours; None where all is well."""
    found, checks = collections.defaultdict(list), collections.Counter()
    for seed in seeds:
        points, failed, broken = points_of(lesson, exercise, names, seed, solution)
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
    sometimes = ", ".join(f"{name} {count}" for name, count in checks.items() if count < len(seeds))
    return f"{exercise.id}: {'RIGHT' if right else 'WRONG'}, {told} of {full:g}: {note}" + (
        f" [fails now and then: {sometimes}]" if sometimes else ""
    )


def tried(lesson, seeds, part, parts):
    """The lines about every `parts`-th answer of a lesson."""
    solution, lines = answers.solution(lesson), []
    for at, entry in enumerate(entries(lesson)):
        if at % parts == part:
            line = judged(lesson, *entry, seeds, solution)
            lines += [line] if line else []
    return lines


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
            parts = 4 * options.processes
            lines = [line for found in pool.map(tried, *zip(*((lesson, seeds, part, parts) for part in range(parts)))) for line in found]
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
