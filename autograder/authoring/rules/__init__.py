"""Every rule of a lesson. A rule is a function of a `Draft` whose first line of docstring is the rule; it yields (line, what) where it is broken.

A rule judges one thing, and stands what another rule will tell: an author reads all that is wrong in one run.
"""

from collections.abc import Callable, Iterable

from autograder.authoring.rules import beside, exercises, shape, whole
from autograder.authoring.source import Broken, Draft
from autograder.course import paths

# File of the lesson's folder -> the rules whose lines count in it.
RULES: dict[str, tuple[Callable[[Draft], Broken], ...]] = {
    paths.SOURCE: (*whole.RULES, *shape.RULES, *exercises.RULES),
    "visible.py": beside.VISIBLE,
    "hidden.py": beside.HIDDEN,
    "bank.py": beside.BANK,
    "figures.py": beside.FIGURES,
    "__init__.py": beside.PACKAGE,
}


def broken(draft: Draft) -> list[str]:
    """What the lesson breaks: "file:line: what", in the order of files and lines."""
    found = []
    for file, rules in RULES.items():
        told = {(line, what) for rule in rules if rule.__name__ not in excepted(draft) for line, what in rule(draft)}
        found += [f"{draft.shown(file)}:{line}: {what}" for line, what in sorted(told)]
    return draft.trouble + found


def broken_between(drafts: Iterable[Draft]) -> list[str]:
    """What lessons break together: an exercise's id stands in one lesson only, and a lesson's number in one folder's name.

    No lesson shows a line that is an answer in another one. No hidden check's name stands in that of a visible one: a students' copy would show that name, and a name alone can tell an answer.
    """
    drafts, found = list(drafts), []
    homes: dict[str, str] = {}
    numbers: dict[str, str] = {}
    secrets = {line: own for draft in drafts for line, own in draft.secrets.items()}
    shown = {check.name: draft.name for draft in drafts for checks in draft.checks.values() for check in checks if check.visible}
    for draft, name in ((draft, draft.name) for draft in drafts if draft.name):
        for task in draft.tasks:
            if homes.setdefault(task.id, name) != name:
                found.append(f"{draft.shown()}:{task.line}: exercise {task.id} is also in {homes[task.id]}")
        for hidden in (check.name for checks in draft.checks.values() for check in checks if not check.visible):
            for visible in filter(lambda visible: hidden in visible, shown):
                part = "also" if hidden == visible else f"part of {visible},"
                found.append(f"{draft.shown('hidden.py')}:1: {hidden} is {part} the name of a visible check, in {shown[visible]}")
        for cell, text in draft.released:
            for at, line in enumerate(text.splitlines(), 1):
                if (own := secrets.get(line.strip())) and own not in draft.ids:
                    found.append(
                        f"{draft.shown()}:{cell.line + at}: this line is an answer of exercise {own}; write it in another way, or borrow it"
                    )
        number = name if paths.is_lab(name) else name[:2]
        if numbers.setdefault(number, name) != name:
            found.append(f"{draft.shown()}:1: {numbers[number]} has the number {number}, too")
    return found


def excepted(draft: Draft) -> set[str]:
    """The rules of shape that a lesson of another shape names in its header."""
    named = draft.header.get("except", ())
    return {str(name) for name in named if str(name) in shape.NAMES} if isinstance(named, list) else set()


def sentences() -> list[tuple[str, str]]:
    """(file, what a rule demands) of every rule, in order: the first line of its docstring."""
    return [(file, (rule.__doc__ or "").strip().splitlines()[0]) for file, rules in RULES.items() for rule in rules]
