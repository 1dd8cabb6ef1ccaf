"""What do the checks move? Every argument of every exercise's functions over 20 seeds: `python -m tests.trials.arguments 2.6 03`.

For authors: read the docstring beside it, and ask which property that it names is not in the list.
"""

import argparse
import sys
import warnings

from autograder.authoring import answers
from autograder.checks.asked import arguments, documented, never_varying
from autograder.course import catalogue


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("which", nargs="*", help="the beginnings of lessons or exercises; all if none is given")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    missing = 0
    for lesson in catalogue.lessons().values():
        for exercise in lesson.exercises:
            if (
                exercise.by_hand
                or exercise.files
                or exercise.choices
                or not (not options.which or lesson.name.startswith(tuple(options.which)) or exercise.id.startswith(tuple(options.which)))
            ):
                continue
            found = arguments(lesson.name, exercise, answers.solution(lesson.name), range(options.seeds))
            print(f"\n{exercise.id}")
            for name in exercise.names:
                print(f"  {name}: {' '.join(documented(lesson.cell_of(exercise.id).source, name).split())}")
                for argument, seen in found.items():
                    if argument.split(".")[0] == name:
                        print(f"    {argument.split('.')[1]}: {seen if seen.asked else 'NEVER GIVEN'}")
            still, needless = never_varying(exercise, found)
            missing += len(still) + len(needless)
            for argument in still:
                print(f"  {argument} never varies: vary it, or say why with `fixed` in visible.py")
            for argument in needless:
                print(f"  {argument} varies: its `fixed` can go")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
