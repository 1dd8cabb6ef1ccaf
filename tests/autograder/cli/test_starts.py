"""What a command imports before it answers: no library that it does not need. Times are in `tests/bench/starts.py`."""

import os
import subprocess
import sys

import pytest

from autograder.course import paths

LESSON = paths.LESSONS / "01_affine_quantization.ipynb"
ASK = """
import sys
from autograder.cli.main import main
sys.argv = ["course", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.mark.parametrize(
    "arguments, without",
    [
        (["--help"], {"torch", "numpy", "scipy", "IPython", "nbformat", "jsonschema", "pytest", "matplotlib"}),
        (["status"], {"torch", "numpy", "scipy", "IPython", "nbformat", "jsonschema", "pytest", "matplotlib"}),
        (["hint", "1.2-scale"], {"torch", "numpy", "scipy", "IPython", "nbformat", "jsonschema", "pytest", "matplotlib"}),
        (["check", LESSON], {"torch", "scipy", "nbformat", "jsonschema", "matplotlib"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_starts_without(tmp_path, arguments, without):
    ran = subprocess.run(
        [sys.executable, "-c", ASK, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COURSE_HOME": str(tmp_path)},
    )
    assert not ran.stderr and len(ran.stdout.splitlines()) > 1
    assert without & set(ran.stdout.splitlines()[-1].split()) == set()
