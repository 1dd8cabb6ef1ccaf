"""Writes what an author looks up into CONTRIBUTING.md, from the code that it is about: `python docs/rules.py`. A test sees that it is done."""

import inspect
import re
from pathlib import Path

from autograder import checks
from autograder.authoring.rules import sentences
from autograder.authoring.source import SETTINGS
from autograder.checks import asking, expect, modules
from course_labs.report.markers import refill

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"


def rules():
    """The rules as Markdown, file by file."""
    found = {}
    for file, rule in sentences():
        found.setdefault(file, []).append(rule)
    return "".join(f"\n**`{file}`**\n\n" + "".join(f"- {rule}\n" for rule in each) for file, each in found.items()) + "\n"


def settings():
    """What may stand behind `# %%`, as a table."""
    return table(("setting", "means"), ((f"`{setting}`", meaning) for setting, meaning in SETTINGS.items()))


def words():
    """What checks and banks are written with: the `student`, the comparisons, the decorators, the helpers for networks."""
    items = re.split(r"^- ", inspect.getdoc(asking.Recorder).partition("\n\n")[2], flags=re.MULTILINE)[1:]
    asked = [" ".join(item.split()).split(": ", 1) for item in items]
    parts = [
        ("`student`", asked),
        ("from `autograder.checks`", functions(checks)),
        ("from `autograder.checks.expect`", functions(expect)),
        ("from `autograder.checks.modules`, for networks", functions(modules)),
    ]
    return "\n".join(table((title, "does"), rows) for title, rows in parts)


def functions(module):
    """(call, first paragraph of its docstring) of every public function of a module, those of `words` that it hands on among them."""
    own = {module.__name__, "autograder.checks.words" if module is expect else ""}
    for name, function in vars(module).items():
        if (
            inspect.isfunction(function)
            and function.__module__ in own
            and not name.startswith("_")
            and name != "collecting"
            and function.__doc__
        ):
            first = " ".join(inspect.getdoc(function).partition("\n\n")[0].split())
            yield f"`{name}{without_types(inspect.signature(function))}`", first.removesuffix("::").removesuffix(".")


def without_types(signature):
    plain = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return signature.replace(parameters=plain, return_annotation=signature.empty)


def table(head, rows):
    lines = [head, ("---", "---"), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def update(check=False):
    """Write all three parts into the page. Returns those that were out of step; with `check`, writes nothing."""
    makers = {"rules": rules, "settings": settings, "words": words}
    return refill(PAGE, {"made": lambda name: makers[name]()}, check, others=("walk",))


if __name__ == "__main__":
    print(f"Written: {', '.join(update()) or 'nothing, the page is in step'}")
