"""Which checks there are, read from the files' syntax trees: nothing is imported."""

import ast
from collections.abc import Iterable
from pathlib import Path

from autograder.course.catalogue import Check


def checks_in(files: Iterable[tuple[Path, str, bool]]) -> tuple[dict[str, list[Check]], list[str]]:
    """(exercise id -> list of `Check`s in the files' order, list of "file:line: what is wrong").

    `files`: (path, how it is shown, whether its checks are visible) for each file.
    """
    found: dict[str, list[Check]] = {}
    seen: dict[str, str] = {}
    violations = []
    for path, shown, visible in files:
        if not path.exists():
            violations.append(f"{shown}:1: the file is missing")
            continue
        try:
            body = ast.parse(path.read_bytes()).body
        except (SyntaxError, ValueError) as error:
            violations.append(f"{shown}:{getattr(error, 'lineno', None) or 1}: this is not Python: {getattr(error, 'msg', error)}")
            continue
        for node in body:
            if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test")):
                continue
            where = f"{shown}:{node.lineno}"
            marks = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "exercise"]
            try:
                exercise_id = ast.literal_eval(marks[0].args[0]) if len(marks) == 1 and marks[0].args else None
                points = {k.arg: ast.literal_eval(k.value) for k in marks[0].keywords}.get("points", 0) if exercise_id else 0
            except ValueError:
                exercise_id = None
            if not isinstance(exercise_id, str):
                violations.append(f'{where}: {node.name} needs one @exercise("id") above it')
                continue
            if node.name in seen:
                violations.append(f"{where}: {node.name} is also at {seen[node.name]}")
            seen[node.name] = where
            if visible and points:
                violations.append(f"{where}: points stand on hidden checks only")
            if not visible and not (isinstance(points, (int, float)) and points > 0):
                violations.append(f"{where}: {node.name} is hidden and needs points above 0")
                continue
            found.setdefault(exercise_id, []).append(Check(node.name, visible, points))
    return found, violations
