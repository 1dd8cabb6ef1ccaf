"""The sandbox, from outside: what students' code can do, what it cannot, and what each misdeed costs."""

import math
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import autograder
from autograder.course.faults import BlankLeft, Crashed, Missing, StudentError, TimedOut
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits, SandboxUnavailable
from autograder.sandbox.wire import Opaque, WireError

LIMITS = Limits(
    cell_seconds=1.0,
    call_seconds=1.0,
    notebook_seconds=20.0,
    wall_factor=100.0,
    memory_mb=512,
    output_kb=4,
    reply_mb=4,
    file_mb=12,
    scratch_mb=32,
)
REPOSITORY = Path(autograder.__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def quiet_torch():
    # Forking helpers below must not meet torch's threads.
    torch.set_num_threads(1)


def strong(preload, limits=LIMITS):
    with Sandbox(limits, "bubblewrap", preload) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def box(bubblewrap):
    yield from strong(("numpy",))


@pytest.fixture(scope="module")
def torch_box(bubblewrap):
    yield from strong(("numpy", "torch"))


@pytest.fixture
def session(box):
    with box.session(seed=7) as session:
        yield session


@pytest.fixture
def torch_session(torch_box):
    with torch_box.session(seed=7) as session:
        yield session


def run(session, source, name="1"):
    return session.run_cell(textwrap.dedent(source), name)


def printed(session, source):
    """What a cell prints; it must end well."""
    outcome = run(session, source)
    assert outcome.status == "ok", outcome
    return outcome.output.strip()


def still_works(session):
    assert run(session, "def triple(x):\n    return 3 * x").status == "ok"
    with session.question() as question:
        assert question.call("triple", (14,), {}).value == 42


# --- what works -----------------------------------------------------------------------------------


def test_cells_share_their_variables_and_functions_answer(session):
    run(session, "import numpy as np\nfactor = 2")
    run(session, "def scaled(x, plus=0):\n    return factor * x + plus")
    with session.question() as question:
        reply = question.call("scaled", (np.arange(3.0),), {"plus": 1})
        assert reply.value.dtype == np.float64 and reply.value.tolist() == [1.0, 3.0, 5.0]
        assert reply.mutated == []
        assert question.value("factor") == 2
        assert question.value("scaled") == Opaque("function")


def test_values_arrive_exactly(torch_session):
    session = torch_session
    run(session, "def same(x):\n    return x")
    values = [math.nan, -0.0, math.inf, 2**100, "é", b"\0", (1, [None, True]), {"a": 1, 2: 3j}, np.float32(0.1)]
    with session.question() as question:
        for value in values:
            back = question.call("same", (value,), {}).value
            assert type(back) is type(value) and repr(back) == repr(value)
        tensor = torch.tensor([1.5, math.nan], dtype=torch.bfloat16)
        back = question.call("same", (tensor,), {}).value
        assert back.dtype == torch.bfloat16 and torch.equal(back.view(torch.int16), tensor.view(torch.int16))


def test_arguments_changed_in_place_are_named(torch_session):
    session = torch_session
    run(session, "def f(a, b, c):\n    b[0] = 9\n    c.append(1)\n    return a")
    with session.question() as question:
        assert question.call("f", (np.zeros(2), torch.zeros(2), []), {}).mutated == [1, 2]


def test_a_question_changes_nothing_for_the_next(session):
    run(session, "calls = []\ndef count():\n    calls.append(1)\n    return len(calls)")
    for _ in range(2):
        with session.question() as question:
            assert [question.call("count").value, question.call("count").value] == [1, 2]


def test_two_questions_can_be_open_at_once(session):
    run(session, "def double(x):\n    return 2 * x")
    with session.question() as first, session.question() as second:
        assert first.call("double", (1,)).value == 2
        assert second.call("double", (2,)).value == 4
        second.close()
        assert first.call("double", (3,)).value == 6


def test_training_goes_on_across_forks(torch_session):
    session = torch_session
    run(
        session,
        """
        import torch
        torch.set_num_threads(8)
        w = torch.ones(300, 300, requires_grad=True)
        (w @ w).sum().backward()
        """,
    )
    assert run(session, "(w @ w).sum().backward()").status == "ok"
    run(session, "def g():\n    (w @ w).sum().backward()\n    return w.grad[0, 0]")
    with session.question() as question:
        assert float(question.call("g").value) == 1800.0


def test_the_same_seed_gives_the_same_numbers(torch_box):
    box = torch_box
    source = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1).item(), hash('a'))"
    with box.session(seed=1) as a, box.session(seed=1) as b, box.session(seed=2) as c:
        first, second, third = (printed(each, source) for each in (a, b, c))
    assert first == second
    assert len(set(first.split()[:3]) & set(third.split()[:3])) == 0


def test_a_seed_set_in_one_cell_holds_in_the_next(session):
    run(session, "import random\nrandom.seed(3)")
    random.seed(3)
    assert printed(session, "print(random.random())") == str(random.random())


def test_classes_and_dataclasses_belong_to_main(session):
    run(
        session,
        """
        from dataclasses import dataclass
        import pickle
        @dataclass
        class Point:
            x: int
        """,
    )
    assert printed(session, "print(pickle.loads(pickle.dumps(Point(3))), __name__)") == "Point(x=3) __main__"


def test_programs_and_worker_processes_can_be_used(session):
    assert printed(session, "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(6)']))") == ("b'6\\n'")
    # Ignored signals are inherited: a pool that could not terminate its workers would hang now and then.
    assert printed(session, "import signal; print(signal.getsignal(signal.SIGTERM).name)") == "SIG_DFL"
    pool = """
        from multiprocessing import get_context
        def square(x): return x * x
        with get_context('fork').Pool(2) as pool:
            print(pool.map(square, [1, 2, 3]))
        """
    assert printed(session, pool) == "[1, 4, 9]"


# --- errors in cells --------------------------------------------------------------------------------


def test_an_error_names_its_type_and_line(session):
    outcome = run(session, "x = 1\n\ny = x / 0")
    assert (outcome.status, outcome.error_type, outcome.line) == ("error", "ZeroDivisionError", 3)
    assert "division by zero" in outcome.message
    assert printed(session, "print(x)") == "1"


def test_a_syntax_error_names_its_line(session):
    outcome = run(session, "x = 1\ny = = 2")
    assert (outcome.status, outcome.error_type, outcome.line) == ("error", "SyntaxError", 2)


def test_the_line_is_in_the_cell_that_ran(session):
    run(session, "def f():\n    pass\n    raise KeyError('k')", "first")
    assert run(session, "\nf()", "second").line == 2


@pytest.mark.parametrize(
    "source, kind",
    [
        ("import sys; sys.exit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("input('name? ')", "RuntimeError"),
        ("x = bytearray(4 << 30)", "MemoryError"),
        ("x = eval('(' * 5000 + ')' * 5000)", ""),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
        ("open('/tmp/big', 'wb').write(bytes(16 << 20))", "OSError"),
    ],
)
def test_an_exception_of_any_kind_ends_only_its_cell(session, source, kind):
    outcome = run(session, source)
    assert outcome.status == "error" and kind in outcome.error_type, outcome
    still_works(session)


def test_input_says_why(session):
    assert "input()" in run(session, "input()").message


def test_an_error_in_a_call_is_told_as_data(session):
    run(session, "class Odd(ValueError): pass\ndef f(x):\n    raise Odd('no ' + str(x))")
    with session.question() as question:
        with pytest.raises(StudentError) as caught:
            question.call("f", (3,), {})
        assert (caught.value.type_name, caught.value.message, caught.value.line) == ("Odd", "no 3", 3)
        assert caught.value.mro[:3] == ("Odd", "ValueError", "Exception")
        with pytest.raises(StudentError):  # the question goes on
            question.call("f", (4,), {})


def test_a_missing_name_is_missing(session):
    with session.question() as question:
        with pytest.raises(Missing):
            question.call("nothing", (), {})
        with pytest.raises(Missing):
            question.value("nothing")


# --- blanks and notebook syntax -----------------------------------------------------------------------


def test_blanks_say_which_exercise(session):
    assert run(session, "from autograder.student import ___, check, hint, progress").status == "ok"
    assert run(session, "check('1.2-scale'); hint('1.2-scale'); progress()").output == ""
    outcome = run(session, "# Exercise 1.1-predict\n\nguess = ___ + 1")
    assert (outcome.status, outcome.line) == ("blank", 3) and "1.1-predict" in outcome.message
    run(session, "# Exercise 1.2-scale\ndef scale(x):\n    return x / ___", "a")
    run(session, "# Exercise 1.3-other\nother = ___", "b")
    with session.question() as question:
        with pytest.raises(BlankLeft) as caught:
            question.call("scale", (1.0,), {})
        assert caught.value.exercise == "1.2-scale"
        with pytest.raises(BlankLeft):
            question.value("other")


@pytest.mark.parametrize(
    "source, expected",
    [
        ("%matplotlib inline\nx = 1", 1),
        ("!touch /tmp/made\nimport os\nx = os.path.exists('/tmp/made')", True),
        ("files = !ls /\nx = 'tmp' in files", True),
        ("!pip install torch\n%pip install torch\nlines = !python3 -m pip list\nx = 7", 7),
        ("%config InlineBackend.figure_format = 'svg'\nx = 8", 8),
        ("x = 5\nx?\n?x\n", 5),
        ("%%time\nx = 2", 2),
        ("\n%%time\nx = 2", 2),
        ("x = 3\ntext = '''\n%not magic\n'''", 3),
        ("%%bash\nx=4", None),
        ("x = 6\nif x:\n    %timeit x\n", 6),
        ("x = 10\ny = (x\n  % 3)", 10),
        ("display(3)\nx = get_ipython().run_line_magic('pip', 'install x')", None),
    ],
)
def test_notebook_syntax_is_harmless(session, source, expected):
    run(session, "x = None")
    outcome = session.run_cell(source, "2")
    assert outcome.status == "ok", outcome
    with session.question() as question:
        assert question.value("x") == expected


@pytest.mark.parametrize(
    "head",
    ["%matplotlib inline\n", "\n\n%matplotlib inline\n", "%%time\n", "\n%%time\n!ls\n", "\n%%capture\n\n%%time\n", "x = 1\n%time x = 2\n"],
)
def test_notebook_syntax_keeps_the_line_numbers(session, head):
    assert session.run_cell(head + "\n1/0", "1").line == head.count("\n") + 2


# --- hostile code --------------------------------------------------------------------------------------

DEADLY = {
    "leaves": ("import os; os._exit(0)", "exit code 0"),
    "kills itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kill signal"),
    "segfaults": ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
    "closes everything": ("import os; os.closerange(0, 1000)", ""),
    "kills everyone": (
        "import os, signal\n"
        "for pid in (-1, 1, os.getppid(), -os.getppid(), *range(2, os.getpid()), *range(-os.getpid() + 1, -1)):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n"
        "    except OSError: pass\n"
        "os._exit(1)",
        "exit code 1",
    ),
    "is refused by the kernel": ("import os; os.abort()", "abort()"),
}
ENDLESS = {
    "loops": "while True: pass",
    "sleeps": "import time; time.sleep(1000)",
    "swallows": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "ignores signals": "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
    "    except (OSError, ValueError): pass\nwhile True: pass",
    "stops itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "forks for ever": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "floods the output": "while True: print('x' * 10000)",
    "floods the descriptors": "import os\nwhile True: os.write(1, b'x' * 10000)",
    "has a slow str": "import time\nclass E(Exception):\n    def __str__(self): time.sleep(1000)\nraise E",
    "hangs in a regular expression": "import re; re.match('(a+)+$', 'a' * 50 + 'b')",
}
WAITING = {"sleeps", "stops itself", "has a slow str"}


@pytest.mark.parametrize("misdeed", DEADLY)
def test_a_deadly_cell_costs_only_itself(session, misdeed):
    source, words = DEADLY[misdeed]
    run(session, "kept = 11")
    outcome = run(session, source)
    assert outcome.status == "crashed" and words in outcome.message, outcome
    assert printed(session, "print(kept)") == "11"
    still_works(session)


@pytest.mark.parametrize("misdeed", ENDLESS)
def test_an_endless_cell_is_stopped(session, misdeed):
    run(session, "kept = 11")
    outcome = run(session, ENDLESS[misdeed])
    assert outcome.status == "timeout"
    used = "1 s" if misdeed in WAITING else "1 s of processor time"
    assert outcome.message == f"This cell was still running after {used} and was stopped."
    assert printed(session, "print(kept)") == "11"
    still_works(session)


@pytest.mark.parametrize("misdeed", ["leaves", "segfaults", "closes everything", "kills everyone"])
def test_a_deadly_call_costs_only_its_question(session, misdeed):
    run(session, "def f():\n" + textwrap.indent(DEADLY[misdeed][0], "    "))
    with session.question() as question:
        for _ in range(2):
            with pytest.raises(Crashed, match="`f`"):
                question.call("f", (), {})
    still_works(session)


@pytest.mark.parametrize("misdeed", ["loops", "ignores signals", "forks for ever"])
def test_an_endless_call_is_stopped(session, misdeed):
    run(session, "def f():\n" + textwrap.indent(ENDLESS[misdeed], "    "))
    with session.question() as question:
        for _ in range(2):
            with pytest.raises(TimedOut, match="`f` was still running after 1 s"):
                question.call("f", (), {})
    still_works(session)


BY_OTHERS = {
    "an orphan": "if os.fork() == 0:\n            if os.fork() == 0:\n                while True: pass\n            os._exit(0)\n        time.sleep(1000)",
    "one child after the other": "while True:\n            if os.fork() == 0:\n                for _ in range(10**7): pass\n"
    "                os._exit(0)\n            os.wait()",
    "threads": "import threading\n        def spin():\n            while True: pass\n"
    "        for _ in range(3): threading.Thread(target=spin).start()\n        time.sleep(1000)",
}


@pytest.mark.parametrize("who", BY_OTHERS)
def test_time_that_others_work_for_a_call_counts(session, who):
    run(session, f"import os, time\ndef f():\n        {BY_OTHERS[who]}")
    with session.question() as question, pytest.raises(TimedOut, match="`f` was still running after 1 s of processor time"):
        question.call("f")


def test_a_submission_stays_on_one_core(session):
    source = "import os, subprocess, sys\nmine = os.sched_getaffinity(0)\n"
    source += "print(len(mine), subprocess.check_output([sys.executable, '-c', 'import os; print(os.sched_getaffinity(0))'], text=True) == f'{mine}\\n')"
    assert printed(session, source) == "1 True"


def test_a_memory_bomb_is_stopped(session):
    outcome = run(session, "x = []\nwhile True: x.append(bytes(10 << 20))")
    assert (outcome.status, outcome.error_type) == ("error", "MemoryError")
    assert "512 MB" in outcome.message
    still_works(session)


def test_a_recursion_too_deep_for_the_stack_costs_only_its_cell(session):
    outcome = run(
        session,
        """
        import sys
        sys.setrecursionlimit(10**9)
        class Endless:
            def __repr__(self): return repr([Endless()])
        repr(Endless())
        """,
    )
    assert outcome.status in ("crashed", "error"), outcome  # from Python 3.12 the interpreter notices itself
    still_works(session)


def test_output_is_capped(session):
    outcome = run(session, "print('a' * 100_000_000)")
    assert outcome.status == "ok" and 4096 <= len(outcome.output) < 4200 and "cut" in outcome.output


def test_a_result_too_large_to_hand_over_is_an_error(session):
    run(session, "import numpy as np\ndef f(n):\n    return np.zeros(n)")
    with session.question() as question:
        with pytest.raises(StudentError, match="handed over"):
            question.call("f", (1_000_000,), {})
        assert question.call("f", (1,), {}).value.tolist() == [0.0]


@pytest.fixture(scope="module")
def small_box(bubblewrap):
    """Little memory and much time: what must happen here is that the memory runs out."""
    yield from strong(("numpy",), Limits(cell_seconds=60, memory_mb=128))


@pytest.mark.parametrize("orphans", [False, True])
def test_a_memory_bomb_of_many_processes_is_stopped(small_box, orphans):
    with small_box.session() as session:
        run(session, "kept = 11")
        outcome = run(
            session,
            f"""
            import os, time
            if not {orphans} or os.fork() == 0:
                for _ in range(4):
                    if os.fork() == 0:
                        block = bytearray(80 << 20)
                        time.sleep(1000)
                if {orphans}: os._exit(0)
            time.sleep(1000)
            """,
        )
        assert outcome.status == "crashed" and "128 MB" in outcome.message, outcome
        assert printed(session, "print(kept)") == "11"
        still_works(session)


def test_daemons_do_not_live_beside_questions(session):
    outcome = run(
        session,
        """
        import os, signal, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
                while True:
                    with open('/tmp/beat', 'a') as f: f.write('x')
            os._exit(0)
        os.wait()
        while not os.path.exists('/tmp/beat'): time.sleep(0.001)
        """,
    )
    assert outcome.status == "ok"
    run(session, "import os\ndef beats(): return os.path.getsize('/tmp/beat')\ndef work(): return sum(range(10**6))")
    with session.question() as question:
        before = question.call("beats").value
        question.call("work")
        assert question.call("beats").value == before


def test_a_process_whose_first_thread_has_ended_is_killed(small_box):
    """The kernel calls it a zombie and shows nothing of its memory, while its other threads go on."""
    with small_box.session() as session:
        outcome = run(
            session,
            """
            import ctypes, os, platform, threading, time
            for _ in range(4):
                if os.fork() == 0:
                    def grow():
                        time.sleep(1)
                        block = bytearray(b'1' * (80 << 20))
                        time.sleep(1000)
                    threading.Thread(target=grow).start()
                    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
            print(sorted({os.wait()[1] for _ in range(4)}))
            """,
        )
    assert outcome.status == "ok" and outcome.output == "[9]\n", outcome


def test_a_child_that_holds_the_socket_does_not_delay_the_verdict(box):
    patient = Limits(cell_seconds=60)
    started = time.monotonic()
    with Sandbox(patient, preload=("numpy",)) as own, own.session() as session:
        outcome = run(session, "import os, time\nif os.fork() == 0: time.sleep(1000)\nos._exit(0)")
    assert outcome.status == "crashed" and time.monotonic() - started < 30


def test_a_timer_that_kills_the_state_later_costs_only_its_own_cell(session):
    run(session, "kept = 11")
    run(session, "import os, threading\nthreading.Timer(0.01, os._exit, (0,)).start()")
    for _ in range(3):
        run(session, "sum(range(10**6))")
    assert printed(session, "print(kept)") == "11"
    still_works(session)


def test_starting_over_for_a_slow_cell_loses_and_repeats_nothing(session, monkeypatch):
    """Files, random numbers and variables are those of one run from top to bottom."""
    monkeypatch.setattr("autograder.sandbox.session.QUICK_SECONDS", 0.2)
    run(session, "import random\nfile = open('/tmp/once', 'x')\nfirst = random.random()")
    slow = run(session, "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass\nsecond = random.random()")
    assert slow.status == "ok"
    run(session, "def pair(): return first, second")
    with session.question() as question:
        first, second = question.call("pair").value
    assert first != second
    with session.question() as question:
        assert question.call("pair").value == (first, second)


def test_a_state_that_cannot_fork_any_more_is_given_up(session):
    run(session, "kept = 11")
    run(session, "import os\ndef broken(): raise OSError\nos.fork = broken")
    assert printed(session, "print(kept)") == "11"
    still_works(session)


def test_patched_libraries_harm_only_their_owner(box):
    with box.session() as session:
        run(session, "import json, numpy as np\nnp.allclose = lambda *a: True\njson.dumps = None\ndef f(): return np.ones(2)")
        with session.question() as question:
            assert question.call("f", (), {}).value.tolist() == [1, 1]
    with box.session() as session:
        still_works(session)
        assert printed(session, "import numpy as np; print(np.allclose(1, 2))") == "False"


def test_forged_replies_are_only_data(session):
    """Code that finds the socket can say anything about itself, and nothing else."""
    forge = """
        import gc, os, socket, struct
        def forge(data):
            for each in gc.get_objects():
                if type(each) is socket.socket and each.fileno() > 0:
                    try: each.sendall(data)
                    except OSError: pass
        """
    run(session, forge)
    run(session, "def garbage():\n    forge(struct.pack('<Q', 1 << 60) + b'x' * 1000)\n    return 1")
    run(session, "def pickled():\n    forge(struct.pack('<Q', 4) + b'cos.')\n    return 1")
    for name in ("garbage", "pickled"):
        with session.question() as question, pytest.raises(Crashed):
            question.call(name, (), {})
    outcome = run(session, "forge(b'\\xff' * 100)")
    assert outcome.status == "crashed"
    still_works(session)


def test_arguments_that_cannot_cross_are_the_askers_fault(session):
    run(session, "def f(x):\n    return 1")
    with session.question() as question:
        with pytest.raises(WireError):
            question.call("f", (1 << 10_000,), {})
        assert question.call("f", (1,), {}).value == 1


def test_the_notebook_has_a_budget():
    with Sandbox(Limits(cell_seconds=1, notebook_seconds=1.2), preload=("numpy",)) as own, own.session() as session:
        run(session, "x = 1")
        assert run(session, "while True: pass").status == "timeout"
        second = run(session, "while True: pass")
        assert second.status == "timeout" and "after 1 s" not in second.message
        started = time.monotonic()
        third = run(session, "y = 2")
        assert third.status == "timeout" and "1.2 s" in third.message and time.monotonic() - started < 0.1
        with session.question() as question:  # what was defined before still counts
            assert question.value("x") == 1


# --- what cannot be seen -----------------------------------------------------------------------------


def test_no_right_of_root_is_left(session, box):
    facts = box.isolation
    assert facts["level"] == "bubblewrap" and facts["capabilities"] == 0 and facts["no_new_privileges"]
    assert printed(session, "import os; print(0 in os.getresuid() + os.getresgid(), os.getgroups())").startswith("False")
    if os.geteuid() == 0:
        assert facts["real_user"].startswith("uid 6")


def test_no_process_of_a_submission_belongs_to_real_root(session):
    if os.geteuid() != 0:
        pytest.skip("only root can see this")
    run(session, "def pids():\n    return 0")
    marker = "autograder-test-marker"
    with session.question() as question:
        question.call("pids")
        owners = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if b"/sandbox/inside/main.py" in (entry / "cmdline").read_bytes() and b"bwrap" not in (entry / "cmdline").read_bytes():
                        owners.add((entry / "status").read_text().split("Uid:")[1].split()[0])
                except OSError:
                    pass
    assert owners and "0" not in owners, marker


def test_files_of_the_course_and_of_people_are_not_there(session):
    paths = [str(REPOSITORY), "/home", "/root/.ssh", "/root/.bashrc", "/etc/passwd", "/etc/shadow", "/var", "/run", "/mnt"]
    paths += [os.path.expanduser("~/.bashrc"), "/sys/class", "/sys/kernel"]
    assert printed(session, f"import os\nprint([p for p in {paths!r} if os.path.exists(p)])") == "[]"
    assert run(session, "import autograder.checks").error_type == "ModuleNotFoundError"
    assert run(session, "import course_labs").error_type == "ModuleNotFoundError"
    found = "import os, {0}\nprint(sorted(os.listdir(os.path.dirname({0}.__file__))))"
    assert printed(session, found.format("autograder")) == "['__init__.py', 'course', 'student.py']"
    assert (
        printed(session, found.format("autograder.course")) == "['__init__.py', 'blanks.py', 'cell_code.py', 'figure_style.py', 'shell.py']"
    )


def test_a_course_installed_among_the_libraries_is_hidden(monkeypatch, tmp_path):
    folder = tmp_path / "site-packages"
    for name in ("autograder", "other"):
        (folder / name).mkdir(parents=True)
        (folder / name / "secret.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(folder))
    with Sandbox(LIMITS, "bubblewrap", preload=()) as own, own.session() as session:
        found = """
            import glob
            print([path.split('/')[-2] for path in glob.glob('/sandbox/packages*/*/secret.py')])
            """
        assert printed(session, found) == "['other']"


def test_nothing_can_be_written_but_scratch(session):
    writable = """
        import os
        found = []
        for folder, below, _ in os.walk('/'):
            if folder.count('/') > 1: below.clear()
            if os.access(folder, os.W_OK): found.append(folder)
        print(sorted(found))
        """
    assert printed(session, writable) == "['/dev/shm', '/tmp']"
    assert "numpy" in run(session, "import numpy; open(numpy.__file__, 'a')").message
    assert run(session, "open('/new', 'w')").status == run(session, "open('/dev/new', 'w')").status == "error"


def test_scratch_is_private_and_small(box):
    fill = "for n in range(20):\n    for d in ('/tmp', '/dev/shm'):\n        open(f'{d}/f{n}', 'wb').write(bytes(8 << 20))"
    with box.session() as first, box.session() as second:
        assert "32 MB" in run(first, fill).message
        assert printed(second, "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))") == "[] []"
        still_works(first)


def test_the_environment_is_not_the_graders(box, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "hidden")
    with Sandbox(LIMITS, "bubblewrap", preload=("numpy",)) as own, own.session() as session:
        names = printed(session, "import os; print(' '.join(sorted(os.environ)))").split()
    assert "COURSE_SECRET" not in names and "MPLBACKEND" in names and len(names) < 15


def test_there_is_no_network(session):
    outcome = run(session, "import socket; socket.create_connection(('1.1.1.1', 53), 0.5)")
    assert outcome.error_type == "OSError"
    assert printed(session, "import socket; print(socket.if_nameindex())") == "[(1, 'lo')]"


def test_other_processes_are_not_seen(box):
    with box.session() as first, box.session() as second:
        assert printed(first, "import os; print(sorted(os.listdir('/proc')), os.getppid() < 10)") == ("['cpuinfo', 'meminfo'] True")
        run(first, "import os\npid = os.getpid()")
        run(second, "kept = 11")
        # Every process number there could be: only its own kin is there, the supervisor cannot be killed.
        count = """
            import os
            seen = []
            for pid in range(1, 400):
                try: os.kill(pid, 0); seen.append(pid)
                except ProcessLookupError: pass
                except PermissionError: seen.append(-pid)
            print(len(seen))
            """
        assert int(printed(first, count)) < 8
        assert run(first, "import os, signal; os.kill(1, signal.SIGKILL); os.kill(-1, signal.SIGKILL)").error_type == "PermissionError"
        assert printed(second, "print(kept)") == "11"
        still_works(first)


def test_sockets_between_submissions_do_not_connect(box):
    with box.session() as first, box.session() as second:
        # The listener lives as long as its state; the name is in no file system.
        assert run(first, "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0meet'); s.listen()").status == "ok"
        outcome = run(second, "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0meet')")
        assert outcome.error_type == "ConnectionRefusedError"


def test_only_the_sockets_to_its_own_keepers_are_open(session):
    source = """
        import os, stat
        for fd in range(300):
            try: mode = os.fstat(fd).st_mode
            except OSError: continue
            print(fd if fd < 3 else '', 'socket' if stat.S_ISSOCK(mode) else 'device' if stat.S_ISCHR(mode) else 'other')
        """
    lines = printed(session, source).split("\n")
    assert [line.strip() for line in lines] == ["0 device", "1 device", "2 device", "socket", "socket"]


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.unshare(0x20000)",
        "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) if platform.machine() == 'x86_64' else -1",
        "libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None)",
        "libc.umount2(b'/proc', 2)",
        "libc.ptrace(16, os.getppid(), 0, 0)",
        "libc.setns(0, 0)",
        "libc.memfd_create(b'x', 0)",
        "libc.shmget(0, 4096, 0o1600)",
        "libc.setuid(0)",
        "libc.chroot(b'/tmp')",
        "libc.sched_setaffinity(0, 8, b'\\xff' * 8)",
        "libc.keyctl(0, -3, 1) if hasattr(libc, 'keyctl') else -1",
        "libc.prctl(22, 1, 0, 0, 0) * 0 - 1 if 0 else -1",
    ],
)
def test_the_kernel_refuses(session, call):
    source = f"import ctypes, os, platform\nlibc = ctypes.CDLL(None)\nprint({call})"
    assert printed(session, source) == "-1"


# --- the life of a sandbox ------------------------------------------------------------------------------


def children_of(pid):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found += [int(entry.name), *children_of(int(entry.name))]
            except (OSError, ValueError):
                pass
    return found


def gone(pids, seconds=10):
    """Whether all these processes end within a while (a killed process takes a moment to go)."""
    handles = []
    for pid in pids:
        try:
            handles.append(os.pidfd_open(pid))
        except ProcessLookupError:
            pass
    import select

    deadline = time.monotonic() + seconds
    try:
        return all(select.select([each], [], [], max(0, deadline - time.monotonic()))[0] for each in handles)
    finally:
        for each in handles:
            os.close(each)


def test_closing_leaves_no_process():
    own = Sandbox(LIMITS, preload=("numpy",))
    session = own.session()
    session.run_cell("import os, time\nif os.fork() == 0: time.sleep(1000)", "1")
    started = children_of(own._warm.process.pid) + [own._warm.process.pid]
    assert len(started) >= 4
    own.close()
    own.close()
    assert gone(started)
    with pytest.raises(RuntimeError):
        own.session()


def test_a_dead_warm_parent_is_replaced_once_and_then_costs_only_its_session():
    with Sandbox(LIMITS, preload=("numpy",)) as own:
        with own.session() as session:
            run(session, "x = 1")
            kill(own._warm.process.pid)
            with session.question() as question:
                assert question.value("x") == 1
            kill(own._warm.process.pid)
            assert run(session, "x = 2").status == "crashed"
            with session.question() as question, pytest.raises(Crashed):
                question.value("x")
        with own.session() as session:
            still_works(session)


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
    if number == signal.SIGKILL:
        assert gone([pid])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_silent_supervisor_is_replaced_once_and_then_costs_only_its_session(number, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.session.PATIENCE", 1.0)

    def stop_supervisor():
        # After bubblewrap's first process come the warm parent's helper, the warm parent, the supervisor.
        kill(list(children_of(own._warm.process.pid))[3], number)

    with Sandbox(LIMITS, preload=("numpy",)) as own:
        with own.session() as session:
            run(session, "x = 1")
            stop_supervisor()
            assert run(session, "y = x + 1").status == "ok"
            with session.question() as question:
                assert question.value("y") == 2
            stop_supervisor()
            assert run(session, "x = 2").status == "crashed"
            assert run(session, "x = 3").status == "crashed"
        with own.session() as session:
            still_works(session)


def worker_grades(number):
    with Sandbox(LIMITS, preload=("numpy",)) as own, own.session() as session:
        session.run_cell("def f(x):\n    return x + 1", "1")
        with session.question() as question:
            return question.call("f", (number,), {}).value


def test_workers_of_a_pool_can_use_it():
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(worker_grades, [1, 2, 3])) == [2, 3, 4]


def test_a_killed_worker_leaves_nothing_behind():
    program = """
        import sys, time
        from autograder.sandbox.box import Sandbox
        box = Sandbox(isolation=sys.argv[1], preload=("numpy",))
        session = box.session()
        session.run_cell("import os, time\\nif os.fork() == 0: time.sleep(1000)", "1")
        print("ready", flush=True)
        session.run_cell("import time; time.sleep(1000)", "2")
        """
    for level in ("bubblewrap", "process"):
        worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), level], stdout=subprocess.PIPE, cwd=REPOSITORY)
        assert worker.stdout.readline() == b"ready\n"
        below = children_of(worker.pid)
        assert len(below) >= 3
        worker.kill()
        worker.wait()
        worker.stdout.close()
        assert gone(below), level


# --- weaker isolation -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weak():
    with Sandbox(LIMITS, isolation="process", preload=("numpy",)) as sandbox:
        yield sandbox


def test_weak_isolation_says_so(weak):
    assert weak.isolation["level"] == "process"
    assert "the network" in weak.isolation["not_isolated"]


def test_weak_isolation_still_stops_runaways(weak):
    with weak.session() as session:
        run(session, "from autograder.student import ___\nkept = 11")
        assert run(session, "import os; os._exit(0)").status == "crashed"
        assert run(session, "while True: pass").status == "timeout"
        assert run(session, "x = bytearray(4 << 30)").error_type == "MemoryError"
        assert printed(session, "print(kept)") == "11"
        still_works(session)


def test_without_bubblewrap_the_reason_is_told(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.launch.shutil.which", lambda name: None)
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed. Install bubblewrap"):
        Sandbox(isolation="bubblewrap", preload=())
    with Sandbox(LIMITS, preload=()) as own:
        assert own.isolation["level"] == "process" and "not installed" in own.isolation["instead_of_bubblewrap"]


def test_a_refused_bubblewrap_says_what_to_do(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("autograder.sandbox.launch.shutil.which", lambda name: str(fake))
    with pytest.raises(SandboxUnavailable) as caught:
        Sandbox(isolation="bubblewrap", preload=())
    assert "Permission denied" in caught.value.why and "AppArmor" in caught.value.what_to_do


def test_windows_is_told_where_to_grade(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SandboxUnavailable, match="Class grading runs on Linux"):
        Sandbox()
