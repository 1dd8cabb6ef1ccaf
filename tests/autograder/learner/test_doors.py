"""One notebook, three doors: `check()` in a Jupyter kernel, `course check`, and grading in the sandbox give the same verdict.

A door runs all cases, in one kernel, one process, one sandbox. A case is what stands above the answer, the answer, and what stands
below its check cell; the answer is that of a small exercise, or of one that can use what a demonstration cell defines.
"""

import os
import sys
from dataclasses import dataclass
from queue import Empty

import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from autograder.checks.asking import Settings
from autograder.course import catalogue
from autograder.grading.submission import grade
from autograder.learner.own_notebook import check_notebook
from autograder.sandbox.box import Sandbox
from tests.files.notebooks import cell_of, solved

EXERCISE, LESSON = "1.4-bug", "01_affine_quantization"
BODY = "return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)"
HEAD = f"# Exercise {EXERCISE}\n"
ANSWER = f"{HEAD}def to_int8(x, scale):\n    {BODY}\n"


@dataclass(frozen=True)
class Case:
    """`above`, `answer` and `below` are cells in the notebook; with `late` the answer stands below its check cell and was run before.
    `says` are words of the message, at every door."""

    answer: str = ANSWER
    above: tuple = ()
    below: tuple = ()
    passes: bool = True
    late: bool = False
    says: str = ""
    exercise: str = EXERCISE


def indented(text, by="    "):
    return "".join(by + line for line in text.splitlines(keepends=True))


def using(name):
    """An answer that takes its upper end from the name or expression `name`."""
    return ANSWER.replace("127", name)


def prompted(text):
    first, *rest = text.strip().splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}" for line in rest)])


def parts(exercise):
    """The lesson's own answer in two: up to its last function, and that function."""
    first, _, last = answer_to(exercise).rpartition("\n\n\ndef ")
    return first, f"def {last}"


def answer_to(exercise):
    """The lesson's own answer."""
    return cell_of(solved(catalogue.lesson_of(exercise).name), exercise).source


CASES = {
    "as it should be": Case(),
    "a wrong answer": Case(ANSWER.replace("np.rint", "np.floor"), passes=False),
    "another name": Case(ANSWER.replace("to_int8", "mine"), passes=False),
    # How a cell may look
    "below %%time": Case("%%time\n" + ANSWER),
    "below %%capture": Case("%%capture seen\n" + ANSWER + "print(3)"),
    "below both, and empty lines": Case("\n\n%%capture\n\n%%time\n" + ANSWER),
    "below %%timeit, which defines nothing": Case("%%timeit -n 1 -r 1\n" + ANSWER, passes=False),
    "below %%bash": Case("%%bash\necho " + HEAD, passes=False),
    "a %time line": Case(f"{HEAD}%time to_int8 = lambda x, scale: {BODY.removeprefix('return ')}\n"),
    "pasted with prompts": Case(HEAD + prompted(ANSWER.removeprefix(HEAD))),
    "pasted with IPython's prompt": Case(HEAD.rstrip() + f"\nto_int8 = lambda x, scale: {BODY.removeprefix('return ')}"),
    "indented": Case(indented(ANSWER, "  ")),
    "in an if": Case(f"{HEAD}if True:\n{indented(ANSWER)}"),
    "in a for": Case(f"{HEAD}for once in [1]:\n{indented(ANSWER)}"),
    "in a with": Case(f"{HEAD}import contextlib\nwith contextlib.nullcontext():\n{indented(ANSWER)}"),
    "in a try": Case(f"{HEAD}try:\n{indented(ANSWER)}except ValueError:\n    pass"),
    "by a magic that is called": Case(f"{HEAD}get_ipython().run_cell_magic('time', '', '''\n{ANSWER}''')"),
    "by exec": Case(f"{HEAD}exec({ANSWER!r})"),
    "with help": Case(ANSWER + "np.clip?\n?np.rint\n"),
    "with a value at its end": Case(ANSWER + "to_int8(np.ones(2), 1.0)"),
    "with magics": Case(
        "%autocheck\n%matplotlib inline\n%config InlineBackend.figure_format = 'svg'\n" + ANSWER + "%timeit -n 1 -r 1 np.ones(2)"
    ),
    "with display": Case(ANSWER + "display(to_int8)\nget_ipython().run_line_magic('pwd', '')"),
    # What an answer may use
    "await": Case(using("high"), ["import asyncio\nhigh = await asyncio.sleep(0, 127)"]),
    "its own module": Case(using("a_helper.HIGH"), ["%%writefile a_helper.py\nHIGH = 127\n", "import a_helper"]),
    "the shell's output": Case(using("int(lines[0])"), ["lines = !echo 127"]),
    "an earlier output": Case(using("list(Out.values())[-1]"), ["127"]),
    "the course's figures": Case(f"{HEAD}from course_lessons.lesson_01_affine_quantization import figures\n{ANSWER}"),
    "the course's data": Case(f"{HEAD}from course_data import load\n{ANSWER}"),
    "an annotation that is never read": Case(ANSWER.replace("(x,", "(x: Nowhere,"), ["from __future__ import annotations"]),
    "an extension": Case(above=["%load_ext autoreload\n%autoreload 2"]),
    "a thread pool": Case(
        f"{HEAD}def inner(x, scale):\n    {BODY}\ndef to_int8(x, scale):\n    return pool.submit(inner, x, scale).result()\n",
        ["from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nlist(pool.map(abs, [1, 2]))"],
        ["np = 5"],
    ),
    "faulthandler": Case(above=["import faulthandler\nfaulthandler.enable()"]),
    # Where it may stand
    "its first half in a cell above": Case(
        f"# Exercise 1.2-scale\n{parts('1.2-scale')[1]}", [parts("1.2-scale")[0].split("\n", 1)[1]], exercise="1.2-scale"
    ),
    "in a cell above, and only words in its own": Case(f"{HEAD}# It stands in the cell above.\n", [ANSWER.removeprefix(HEAD)]),
    "wrong in a cell above": Case(HEAD, [ANSWER.removeprefix(HEAD).replace("np.rint", "np.floor")], passes=False),
    "stopped below what it defines": Case(ANSWER + "raise RuntimeError('tried out')"),
    "stopped above what it defines": Case(ANSWER.replace(HEAD, f"{HEAD}1 / 0\n"), passes=False, says="stopped with ZeroDivisionError"),
    "stopped between its two functions": Case(
        "\n1 / 0\n".join(parts("1.2-scale")), passes=False, exercise="1.2-scale", says="stopped with ZeroDivisionError"
    ),
    "a letter without quotes": Case(
        "# Exercise 1.1-predict\npredict_1_1 = c\n", passes=False, exercise="1.1-predict", says="Write the letter in quotes"
    ),
    # What costs its own cell only
    "an unknown magic": Case(above=["%there_is_no_such_magic", "%%nor_this\nx = 1"]),
    "a cell that stops": Case(above=["x = 1 / 0", "x = ("]),
    "stopped as by Ctrl-C": Case(above=["raise KeyboardInterrupt"]),
    "sys.exit": Case(above=["import sys\nsys.exit(3)"]),
    # What happens below the check cell
    "np is a number": Case(below=["np = 5"]),
    "max is a number": Case(using("max(1, 127)"), below=["max = 3"]),
    "its name in a loop": Case(below=["for to_int8 in range(3):\n    pass"]),
    "its name used again": Case(below=["def to_int8(x):\n    return x"]),
    "del": Case(below=["del np, to_int8"]),
    "a constant changes": Case(using("HIGH"), ["HIGH = 127"], ["HIGH = 0"]),
    "a table changes": Case(using("TABLE['high']"), ["TABLE = {'high': 127}"], ["TABLE['high'] = 0"]),
    "a helper's name used again": Case(using("high()"), ["def high():\n    return 127"], ["def high():\n    return 'tall'"]),
    "defined below its check cell": Case(late=True),
    "np is a number above": Case(above=["np = 5"], passes=False),
    # What a demonstration cell defines
    "an import of a demonstration": Case(
        answer_to("2.2-mask")
        + "\n\ninner = magnitude_mask\n\ndef magnitude_mask(w, sparsity):\n    return inner(w, statistics.mean([sparsity]))",
        exercise="2.2-mask",
    ),
    # What is set for the whole process
    "float64 by default": Case(answer_to("4.7-teacher"), ["import torch\ntorch.set_default_dtype(torch.float64)"], exercise="4.7-teacher"),
}


def cells_of(case):
    """The notebook's code cells in their order: the lesson's own up to the answer, and what the case adds."""
    lesson = catalogue.lesson_of(case.exercise)
    code = [cell for cell in lesson.cells if cell.type == "code"]
    answer = next(i for i, cell in enumerate(code) if cell.role == "exercise" and cell.exercise == case.exercise)
    given = [cell.source for cell in code[:answer] if cell.role in ("setup", "plain", "demo") and "figures" not in cell.source]
    check = f'check("{case.exercise}")'
    middle = [check, case.answer] if case.late else [case.answer, check]
    return [*given, *case.above, *middle, *case.below], check


@pytest.fixture(scope="module", autouse=True)
def own_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("doors")
        patch.setenv("COURSE_HOME", str(folder / "home"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def kernel(own_folder):
    manager, client = start_new_kernel(cwd=str(own_folder))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


RESET = """
from autograder.learner import kernel_runs as _known
_known._runs.clear()
get_ipython().reset(new_session=False)
get_ipython().compile.reset_compiler_flags()
%reload_ext storemagic
"""


def run_in(kernel, source):
    """The text that a cell shows."""
    request, shown = kernel.execute(source), []
    while True:
        try:
            message = kernel.get_iopub_msg(timeout=60)
        except Empty:
            raise AssertionError(f"the kernel does not answer to {source!r}") from None
        if message["parent_header"].get("msg_id") == request:
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(shown)
            shown.append(content.get("text") or content.get("data", {}).get("text/plain", "") or "")


@pytest.mark.parametrize("name", CASES)
def test_check_in_a_kernel(kernel, name):
    case = CASES[name]
    cells, check = cells_of(case)
    if case.late:
        cells.sort(key=lambda cell: cell == check)  # as it was run
    run_in(kernel, RESET)
    said = {cell: run_in(kernel, cell) for cell in cells}[check]
    assert ("Passed" in said) is case.passes and case.says in said, said


@pytest.mark.parametrize("name", CASES)
def test_course_check(own_folder, name, capsys):
    case = CASES[name]
    _, (verdict,), _ = check_notebook(written(own_folder, case), [case.exercise])
    assert (verdict.status == "passed") is case.passes and case.says in verdict.message, verdict


def test_course_check_outlives_its_cells(own_folder, capsys):
    """A kernel ends with such a cell, a sandbox has others; here the verdicts would be lost."""
    silent = "import builtins, io, sys\nsys.stdout = sys.stderr = io.StringIO()\nbuiltins.print = None"
    settings = "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\nnp.seterr(all='raise')"
    path = written(own_folder, Case(below=[settings, silent, "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()", "os._exit(0)"]))
    before = sys.stdout, print, os._exit, Settings.now(), np.geterr()
    _, (verdict,), _ = check_notebook(path, [EXERCISE])
    assert verdict.status == "passed" and (sys.stdout, print, os._exit, Settings.now(), np.geterr()) == before


@pytest.fixture(scope="module")
def box(bubblewrap):
    with Sandbox() as box:
        yield box


@pytest.mark.parametrize("name", CASES)
def test_grading(own_folder, box, name):
    case = CASES[name]
    lesson = catalogue.lesson_of(case.exercise)
    result = grade(written(own_folder, case).read_bytes(), "x", lesson.name, box, seed=3, exercises=[case.exercise])
    (verdict,) = result.verdicts
    assert (verdict.status == "passed") is case.passes and case.says in verdict.message, verdict


def written(folder, case):
    path = folder / f"{catalogue.lesson_of(case.exercise).name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells_of(case)[0]]), path)
    return path
