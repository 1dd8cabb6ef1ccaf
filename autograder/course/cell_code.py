"""Reading a cell's code without running it: its Python below the notebook syntax, the names it binds and uses.

A cell may be hostile, so nothing here takes more than a few passes over its text. For running a cell there is
`autograder.course.shell`. This file also lies in the grading sandbox, so it needs the standard library and IPython only.
"""

import ast
import functools
import re
import symtable
import warnings

# Cell magics around the cell's own Python. Below any other stands another language, or a file to write.
WRAPPERS = {"capture", "prun", "time", "timeit"}
TIMERS = {"memit", "prun", "time", "timeit"}  # line magics whose statement is the notebook's own Python
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
MOST_MAGICS = 20  # one below the other at the head of a cell
_PROMPT = re.compile(r"\s*(?:>>>|In ?\[\d+\]:)")
_MAGIC = re.compile(
    r"(?P<indent>[ \t]*)(?:(?P<targets>[^\W\d][\w \t,.\[\]]*)=[ \t]*)?(?:%(?P<name>[^\W\d]\w*)|!{1,2}(?!=))(?P<rest>.*)", re.DOTALL
)
_HELP = re.compile(r"(?P<indent>[ \t]*)(?:\?{1,2}[\w.*%]+|[\w.*%]+\?{1,2})[ \t;]*$")
_OPTIONS = re.compile(r"(?:-[a-z]+[ \t]*\d*[ \t]+)*")


@functools.lru_cache(maxsize=256)  # the cells of a notebook or two: grading asks several times about each
def plain_python(source: str) -> str:
    """The Python of a cell, on the same lines: without prompts, indentation of the whole, magics and shell lines.

    A cell in another language is empty. What is no Python even then comes back as it is.
    """
    if not _PROMPT.match(source) and parsed(source) is not None:
        return source
    from IPython.core import inputtransformer2 as ipython  # only for cells that need it

    lines = source.splitlines(keepends=True)
    above = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[above:]
    for _ in range(MOST_MAGICS):
        for remove in (ipython.leading_indent, ipython.classic_prompt, ipython.ipython_prompt):
            lines = remove(lines)
        found = re.match(r"%%[ \t]*(\w*)", lines[0]) if lines else None
        if found is None:
            break
        if found[1] not in WRAPPERS:
            return ""
        empty = next((number for number, line in enumerate(lines[1:], 1) if line.strip()), len(lines))
        lines, above = lines[empty:], above + empty
    body = "".join(lines)
    if parsed(body) is None:
        body = _without_magic_lines(lines)
    plain = "\n" * above + body
    return plain if parsed(plain) is not None else source


def _without_magic_lines(lines: list[str]) -> str:
    """The lines with every magic, shell or help line replaced by Python that does as little."""
    plain, goes_on = [], False
    for line in lines:
        text = line.rstrip("\r\n")
        if goes_on:
            plain.append("\n")
            goes_on = text.endswith("\\")
            continue
        found = _HELP.fullmatch(text) or _MAGIC.fullmatch(text)
        if found is None:
            plain.append(line)
            continue
        parts = found.groupdict()
        goes_on = text.endswith("\\")
        statement = "pass"
        if parts.get("targets"):
            statement = f"{parts['targets'].strip()} = None"
        elif parts.get("name") in TIMERS and not goes_on:
            statement = _OPTIONS.sub("", parts["rest"].strip(), count=1) or "pass"
        plain.append(parts["indent"] + statement + "\n")
    return "".join(plain)


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of Python code; None for what is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever runs the cell is warned; whoever reads it need not be
            return ast.parse(source)
    except UNREADABLE:
        return None


def names_in(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell binds at its top level, names it takes from there or from builtins), in functions as well.

    `del` binds, too: the name is not what it was. Both are empty for what is no Python.
    """
    try:
        table = symtable.symtable(plain_python(source), "<cell>", "exec")
    except UNREADABLE:
        return set(), set()
    bound = {each.get_name() for each in table.get_symbols() if each.is_assigned() or each.is_imported()}
    used = {each.get_name() for each in table.get_symbols() if each.is_referenced()}
    scopes = list(table.get_children())
    while scopes:
        scope = scopes.pop()
        for each in scope.get_symbols():
            if each.is_global():
                (bound if each.is_assigned() else used).add(each.get_name())
        scopes += scope.get_children()
    return bound, used


def bound_names(source: str) -> set[str]:
    """The names a cell binds at its top level, wherever it does: in blocks, by imports, under a magic."""
    return names_in(source)[0]
