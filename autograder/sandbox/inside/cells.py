"""Runs one cell of a notebook in this process and describes what happened, as plain data."""

import ast
import builtins
import errno
import io
import linecache
import re
import sys
import types
import warnings

from autograder.blanks import BlankError, ___

MESSAGE_LENGTH = 2000
# Magics that only wrap the cell's own Python. Any other cell magic is another language, or a file to write.
WRAPPERS = {"capture", "prun", "time", "timeit"}
too_much = {}  # what was asked for too much of -> the sentence that says how much there is


class Output(io.TextIOBase):
    """Keeps the first `limit` characters that are written, and counts nothing else."""

    encoding = "utf-8"

    def __init__(self, limit):
        self.parts, self.left, self.cut = [], limit, False

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.left > 0:
            self.parts.append(str(text[: self.left]))
        self.cut = self.cut or len(text) > self.left
        self.left -= min(self.left, len(text))
        return len(text)

    def text(self):
        return "".join(self.parts) + ("\n[the rest of the output was cut]" if self.cut else "")


class Shell:
    """What `get_ipython()` returns: whatever is asked of it, or of what it gives, happens and is nothing."""

    def getoutput(self, *args, **kwargs):
        return []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Shell()

    def __call__(self, *args, **kwargs):
        return None


def no_input(prompt=""):
    raise RuntimeError("input() cannot be used here: nobody is there to answer while a notebook is graded")


def new_notebook(limits):
    """The namespace of a notebook: `__main__`, as in a kernel, with what notebooks take for granted."""
    too_much.update({
        "memory": f"it needed more than the {limits['memory_mb']} MB of memory that a submission may use",
        "processes": f"it needed more than the {limits['processes']} processes and threads that a submission may have",
        errno.EFBIG: f"it wrote a file of more than the {limits['file_mb']} MB that one file may have",
        errno.ENOSPC: f"it wrote more than the {limits['scratch_mb']} MB, or made more than the {limits['files']} files, "
                      "that a submission may have",
        errno.EMFILE: f"it needed more than the {limits['open_files']} open files that a process may have",
    })  # fmt: skip
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    builtins.input = no_input
    builtins.display = lambda *args, **kwargs: None
    builtins.get_ipython = Shell
    vars(module).update({"__builtins__": builtins, "___": ___})
    return vars(module)


def plain_python(source):
    """The cell without notebook syntax; None if the whole cell is in another language."""
    first, _, rest = source.lstrip().partition("\n")
    magic = re.match(r"%%(\w+)", first)
    if magic:
        if magic[1] not in WRAPPERS:
            return None
        blank_lines = len(source) - len(source.lstrip())
        return plain_python("\n" * (source[:blank_lines].count("\n") + 1) + rest)
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        pass  # a lone `%` may be in a docstring, so only code that is not Python yet is changed
    from IPython.core.inputtransformer2 import TransformerManager

    leading = len(source) - len(source.lstrip("\n"))  # IPython drops these, and the line numbers with them
    return "\n" * leading + TransformerManager().transform_cell(source)


def run(source, name, namespace, output_limit):
    """Execute a cell. Returns a dict: status, message, error_type, line, output."""
    filename = f"<cell {name}>"
    output = Output(output_limit)
    held = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = output
    try:
        outcome = _run(source, filename, namespace)
    finally:
        sys.stdout, sys.stderr = held
    return {"error_type": None, "line": None, "message": "", **outcome, "output": output.text()}


def _run(source, filename, namespace):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a SyntaxWarning while a cell is read twice helps nobody
            python = plain_python(source)
            if python is None:
                return {"status": "ok", "message": "The cell is not in Python and was skipped."}
            lines = python.splitlines(keepends=True)
            # No modification time: linecache then never looks for the file on disk.
            linecache.cache[filename] = (len(python), None, lines, filename)
            code = compile(python, filename, "exec", dont_inherit=True)
        exec(code, namespace)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end a cell here, not the notebook
        return describe(error, filename)
    return {"status": "ok"}


def describe(error, filename=None):
    """An exception as plain data. `filename` limits the line number to that cell."""
    if isinstance(error, BlankError):
        return {
            "status": "blank", "message": str(error), "error_type": "BlankError",
            "exercise": error.exercise, "line": _line(error, filename), "mro": [],
        }  # fmt: skip
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException as second:
        message = f"(its text could not be read: {type(second).__name__})"
    message = too_much.get(_limit_hit(error, message), message)
    return {
        "status": "error", "message": message[:MESSAGE_LENGTH], "error_type": type(error).__name__,
        "line": _line(error, filename), "mro": [each.__name__ for each in type(error).__mro__][:20],
    }  # fmt: skip


def _limit_hit(error, message):
    """Which limit an exception tells of, as a key of `too_much`; None for any other."""
    if isinstance(error, MemoryError) or "can't allocate memory" in message:  # the second is torch's
        return "memory"
    if isinstance(error, BlockingIOError) or "can't start new thread" in message:
        return "processes"
    if isinstance(error, OSError) and type(error.errno) is int:
        return error.errno
    return None


def _line(error, filename):
    if isinstance(error, SyntaxError) and type(error.lineno) is int and (filename or "<cell ") in str(error.filename):
        return error.lineno
    line, step = None, error.__traceback__
    while step is not None:
        place = step.tb_frame.f_code.co_filename
        if place == filename or (filename is None and place.startswith("<cell ")):
            line = step.tb_lineno
        step = step.tb_next
    return line
