"""Which modules of this repository a file brings in, read from its text."""

import ast
import functools

from tests import REPOSITORY

HOMES = {"course_data": "data", "course_labs": "labs"}


@functools.cache
def imported(path):
    """The modules of the course that a file imports, anywhere in it, as paths in the repository."""
    found = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            where = "/".join([HOMES.get(top, top), *rest])
            found |= {f"{where}.py", f"{where}/__init__.py"}
    return found


@functools.cache
def reached(path):
    """All modules of the course that come in with a file, those that are imported late among them."""
    found, new = set(), {path}
    while new:
        found |= new
        new = {each for known in new for each in imported(known) if (REPOSITORY / each).is_file()} - found
    return found - {path}
