"""Runs a notebook's cells as a Jupyter kernel does: IPython's own shell, without a front end.

The grading sandbox, `course check` and `earlier` run every cell through it, so that a cell means the same in all of
them as in Jupyter. Nothing is kept on disk, nothing is shown, nothing is installed. This file also lies in the
grading sandbox, where students' code can change every object in it: nobody may trust what it says.
"""

import ast
import atexit
import builtins
import contextlib
import linecache
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import leading_empty_lines
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from traitlets import Type
from traitlets.config import Config

from autograder.course.blanks import ___
from autograder.course.cell_code import plain_python

INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
INSTALLS = re.compile(rf"\s*(?:{'|'.join(INSTALLERS)}|pip3|(?:\S*/)?python[\d.]*\s+-m\s+pip)\b")


class _Compiler(CachingCompiler):
    """Names a cell's code as the messages to the student do, and keeps its lines where they are."""

    filename = "<cell>"
    timed = False  # whether what `%%time` compiles is the cell's own code

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.filename

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        name = super().cache(transformed_code, number, raw_code)
        plain = plain_python(transformed_code if raw_code is None else raw_code)
        # No modification time: linecache then never looks for the file on disk.
        linecache.cache[name] = (len(plain), None, plain.splitlines(keepends=True), name)
        return name

    def __call__(self, source: Any, filename: str, symbol: str, **kwargs: Any) -> Any:
        if self.timed and filename.startswith("<timed "):
            filename = self.filename
        return super().__call__(source, filename, symbol, **kwargs)


class _Hook(DisplayHook):
    """Keeps a cell's last value (`_`, `Out`) and draws nothing of it."""

    def write_output_prompt(self) -> None:
        pass

    def compute_format_data(self, result: object) -> tuple[dict, dict]:
        return {}, {}


class _Nowhere(DisplayPublisher):
    def publish(self, *args: object, **kwargs: object) -> None:
        pass

    def clear_output(self, wait: bool = False) -> None:
        pass


@magics_class
class _Magics(Magics):
    """Magics that mean something else where nobody sits before the notebook."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._ipython = {name: shell.find_line_magic(name) for name in ("timeit", "config")}

    @line_cell_magic("timeit")
    def time_once(self, line: str, cell: str | None = None) -> Any:
        """Measures once: nobody reads the time."""
        return self._ipython["timeit"]("-n1 -r1 " + re.sub(r"^(?:\s*-[nr]\s*\d+)+", "", line), cell)

    @line_magic("config")
    def set_up_the_shell(self, line: str) -> Any:
        """Settings of a front end (`InlineBackend.figure_format`) are for none."""
        return self._ipython["config"](line) if line.startswith("InteractiveShell.") else None

    @line_magic("autocheck")
    def check_by_itself(self, line: str) -> None:
        """Whoever runs the notebook here checks every exercise anyway."""

    def _install(self, line: str) -> None:
        print("Nothing is installed here: the notebook runs with the course's libraries.")

    pip, conda, mamba = line_magic("pip")(_install), line_magic("conda")(_install), line_magic("mamba")(_install)
    micromamba, uv = line_magic("micromamba")(_install), line_magic("uv")(_install)


class Shell(InteractiveShell):
    """A notebook's namespace and the means to run its cells.

    `main` makes it the process's `__main__` and `get_ipython()`; without, it leaves the shell that runs here alone.
    """

    compiler_class = Type(_Compiler)
    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Nowhere)

    def __init__(self, main: bool = False, **kwargs: Any) -> None:
        self._main = main
        self._before = sys.modules["__main__"], vars(builtins).copy()
        self._kept: dict = {}
        self._shown: BaseException | None = None  # the last exception that ended a cell, or a magic within
        module = types.ModuleType("__main__")
        vars(module)["__builtins__"] = builtins
        settings = Config({"HistoryManager": {"enabled": False}})
        # An empty profile, gone at once: nothing of the user's, or of whoever wrote into the home folder, is read.
        with tempfile.TemporaryDirectory() as folder:
            super().__init__(config=settings, ipython_dir=folder, user_module=module, user_ns=vars(module), **kwargs)
        atexit.unregister(self.atexit_operations)
        # The lines of a cell stay where they are, also below empty ones.
        clean = self.input_transformer_manager.cleanup_transforms
        clean[:] = [each for each in clean if each is not leading_empty_lines]
        self.user_ns["___"] = ___  # as long as it is bound, IPython leaves `_`, `__` and `___` alone
        if main:
            for each in type(self)._walk_mro():
                each._instance = self
        self.extension_manager.load_extension("storemagic")  # as in a kernel

    def close(self) -> None:
        """Leave the process as it was before."""
        if self._main:
            for each in type(self)._walk_mro():
                if each._instance is self:
                    each._instance = None
            sys.modules["__main__"] = self._before[0]
        for name in ("__IPYTHON__", "display"):
            if name not in self._before[1]:
                vars(builtins).pop(name, None)
        vars(builtins).update(self._before[1])  # whatever a cell has made of `print`

    def run(self, source: str, filename: str) -> BaseException | None:
        """Run a cell; messages and tracebacks call it `filename`. What stopped it, or None. Never raises."""
        self.compile.filename, self._shown = filename, None
        try:
            result = self.run_cell(source, store_history=True)
        except BaseException as error:
            return error
        # Some magics show what stopped their statement and end well.
        return _in_plain_words(result.error_before_exec or result.error_in_exec or self._shown, source, filename)

    # What is different without a front end

    @property
    def db(self) -> dict:
        """What `%store` keeps, for as long as the notebook runs."""
        return self._kept

    @db.setter
    def db(self, value: object) -> None:
        pass

    def init_virtualenv(self) -> None:
        pass

    def init_sys_modules(self) -> None:
        if self._main:
            super().init_sys_modules()

    def init_completer(self) -> None:
        self.Completer = types.SimpleNamespace()  # whose import is the slowest of IPython's

    def init_magics(self) -> None:
        super().init_magics()
        self.register_magics(_Magics(self))

    def transform_cell(self, raw_cell: str) -> str:
        above = len(raw_cell) - len(raw_cell.lstrip())
        lines = raw_cell[:above].count("\n")
        start = raw_cell.rfind("\n", 0, above) + 1
        return "\n" * lines + super().transform_cell(raw_cell[start:])

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        if magic_name not in ("capture", "time"):
            return super().run_cell_magic(magic_name, line, cell)
        caller = sys._getframe(1)
        above = caller.f_lineno if caller.f_code.co_filename == self.compile.filename else 1
        with self._below_a_magic():
            return super().run_cell_magic(magic_name, line, "\n" * above + cell)

    @contextlib.contextmanager
    def _below_a_magic(self) -> Iterator[None]:
        before, self.compile.timed = self.compile.timed, True
        try:
            yield
        finally:
            self.compile.timed = before

    def _tee(self, channel: str) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()  # a copy of everything that is printed has no reader

    def showtraceback(self, exc_tuple: tuple | None = None, *args: object, **kwargs: object) -> None:
        if exc_tuple is None:  # else it comes from a value that could not be shown, which stops no cell
            self._shown = sys.exc_info()[1]

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        self._shown = sys.exc_info()[1]

    def _format_exception_for_storage(self, exception: object, *args: object, **kwargs: object) -> dict:
        return {}

    def enable_gui(self, gui: str | None = None) -> None:
        pass

    def enable_matplotlib(self, gui: str | None = None) -> tuple[str | None, str]:
        return gui, "agg"

    def ask_exit(self) -> None:
        """`exit` in a cell ends nothing."""

    def system(self, command: str) -> Any:
        """`!command`: its output is printed."""
        command = self.var_expand(command, depth=1)
        if INSTALLS.match(command):
            return self.run_line_magic("pip", "")
        ended = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(ended.stdout.decode("utf-8", "replace"), end="")
        self.user_ns["_exit_code"] = ended.returncode

    system_raw = system_piped = system

    def getoutput(self, command: str, split: bool = True, depth: int = 0) -> Any:
        """`lines = !command`"""
        if INSTALLS.match(self.var_expand(command, depth=depth + 1)):
            self.run_line_magic("pip", "")
            command = "true"
        return super().getoutput(command, split=split, depth=depth + 1)


def _in_plain_words(error: BaseException | None, source: str, filename: str) -> BaseException | None:
    """The error itself, but where IPython's compiler says only "incomplete input", what is open."""
    if isinstance(error, SyntaxError) and "incomplete input" in str(error.msg):
        try:
            compile(plain_python(source), filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as better:
            return better
    return error
