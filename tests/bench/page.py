"""The figures on the instructors' page, from the committed results. `python -m tests.bench.page [--check]`."""

import json
import sys
from pathlib import Path

from autograder.course import paths
from course_data.errors import UserError
from course_labs.report.markers import refill

PAGE = paths.REPOSITORY / "autograder" / "README.md"
RESULTS = paths.REPOSITORY / "autograder" / "results"


def trust(results):
    """Sentences on the long trials, from trust.json."""
    corpus, kills, soak, fuzzing = (results[name] for name in ("corpus", "kills", "soak", "fuzzing"))
    parsers = fuzzing["parsers"]
    tried = ", ".join(f"{p['inputs']:,} inputs to the {name} ({p['engine']}, {p['seconds']:.0f} s)" for name, p in parsers.items())
    broken = sum(p["broke_the_property"] for p in parsers.values())
    growth, quarters = soak["growth_per_thousand"], soak["first_and_last_quarter"]
    return [
        f"- **{corpus['notebooks']} hostile and awkward notebooks** in one class: {corpus['exercises_with_undeserved_points']} exercises "
        f"with undeserved points, {len(corpus['not_as_expected'])} verdicts other than expected, {corpus['grader_errors']} faults of the "
        f"grader, {corpus['processes_left']} processes left.",
        *([_hogs(results["hogs"])] if "hogs" in results else []),  # the newest of the trials: not every file has it yet
        f"- **Killed {kills['kills']} times** at random moments, and started again: {len(kills['differences_or_leftovers'])} differences from "
        f"an undisturbed run; every process had ended {kills['seconds_until_all_had_ended_at_most']:.1f} s later at most.",
        f"- **Fuzzing**: {tried}; {broken} broke the property.",
        f"- **{soak['submissions']:,} submissions** in one run, {soak['per_second']:.2g} a second: a worker needs "
        f"{quarters['worker_mb'][1]:.0f} MB and its sandbox {quarters['sandbox_mb'][1]:.0f} MB; over the run a worker grew by "
        f"{growth['worker_mb']:.0f} MB, descriptors by {round(growth['worker_descriptors'])}, processes by {round(growth['processes'])}; "
        f"{soak['temporary_files_left']} temporary files were left. Unchanged, they come from the cache at "
        f"{soak['cached']['per_second']:.0f} a second.",
    ]


def _hogs(found):
    return (
        f"- **{found['submissions']} submissions beside {found['hogs']} hogs** that take all the processor time they can get, {found['of_them_outside']} of them "
        f"unknown to the grader, on {found['machine']['cores_usable']} cores: {len(found['different_verdicts'])} verdicts other than alone."
    )


def bench(results):
    """A table of throughputs from bench.json, and the sentences around it."""
    names = {"course": "`course grade`", "nbgrader": "`nbgrader autograde`", "otter": "`otter run`"}
    lines = ["| submissions a second | as handed in | without demonstration cells |", "|---|---:|---:|"]
    both = [results["as_handed_in"], results["without_demonstrations"]]
    for key, name in names.items():
        lines.append(f"| {name} | " + " | ".join(f"{b['submissions_per_second'][key]:.2g}" for b in both) + " |")
    for key, name in (("nbgrader", "nbgrader"), ("otter", "otter")):
        lines.append(f"| times as fast as {name} | " + " | ".join(f"{b[f'ratio_vs_{key}']:.0f}" for b in both) + " |")
    machine = results["machine"]
    counts = [b["of_these_to_nbgrader_and_otter"] for b in both]
    theirs = "all" if set(counts) == {both[0]["submissions"]} else " and ".join(map(str, counts))
    return [
        *lines,
        "",
        f"A class of {both[0]['submissions']} submissions of the lessons from 01 on (solutions, mistakes, half-done, blank); {theirs} of them went "
        "to nbgrader and otter, too. The same notebooks and checks for all three, interleaved in one run, cold caches, start included. `course grade` uses one process for each core, "
        "the others work on one notebook after the other. It skips cells that no check needs; the right column is without them.",
        f"Measured {results['measured']} on {machine['cpu']}, {machine['cores_usable']} cores; nbgrader {results['versions']['nbgrader']}, "
        f"otter-grader {results['versions']['otter-grader']}.",
    ]


def update(page=PAGE, folder=RESULTS, check=False):
    """Write the figures between the page's markers. Returns the names of those that were out of step."""
    makers = {"trust": trust, "bench": bench}

    def made(name):
        if name not in makers:
            raise UserError(f"{page}: there are no figures {name}; known are {', '.join(makers)}.")
        return "\n".join(makers[name](json.loads((Path(folder) / f"{name}.json").read_text(encoding="utf-8")))) + "\n"

    return refill(page, {"figures": made}, check)


def main():
    check = "--check" in sys.argv[1:]
    stale = update(check=check)
    if stale and check:
        sys.exit(f"{PAGE} is out of step with the results: {', '.join(stale)}. Run: python -m tests.bench.page")
    print("The page is in step" if not stale else f"Written: {', '.join(stale)}")


if __name__ == "__main__":
    main()
