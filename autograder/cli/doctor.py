"""`course doctor`: is this machine ready? One line for each thing, ok or what to do."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from autograder.course import paths

if TYPE_CHECKING:
    from course_data.inventory import Status

BUBBLEWRAP_LINE = "sudo apt-get install bubblewrap   (Fedora: sudo dnf install bubblewrap)"


@dataclass(frozen=True)
class Finding:
    """One line of the report. `ok` None means: not needed here."""

    name: str
    ok: bool | None
    text: str


def examine() -> list[Finding]:
    """All findings, in order. Nothing raises: what breaks becomes a finding."""
    steps = (python, torch_pair, threads, bubblewrap, namespaces, data, kernel, disk)
    findings = []
    for step in steps:
        try:
            findings.append(step())
        except Exception as error:
            findings.append(Finding(step.__name__.replace("_", " "), False, f"could not be examined: {type(error).__name__}: {error}"))
    return findings


def python() -> Finding:
    good = sys.version_info >= (3, 11)
    text = f"Python {platform.python_version()} in {sys.prefix}"
    return Finding(
        "python", good, text if good else f"{text}; 3.11 or newer is needed: install it and set the course up again, as README.md says"
    )


def torch_pair() -> Finding:
    """torch and torchvision must be a matching pair: an operator of torchvision's is tried in a process of its own."""
    versions = {}
    for name in ("torch", "torchvision"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            return Finding("torch", False, f"{name} is not installed: set the course up again, as README.md says")
    pair = f"torch {versions['torch']}, torchvision {versions['torchvision']}"
    wanted = _wanted_torch()
    code = "import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    if run.returncode == 0:
        return Finding("torch", True, pair)
    last = (run.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    return Finding(
        "torch",
        False,
        f"{pair} do not work together ({last}). torchvision {versions['torchvision']} needs torch {wanted}: "
        f"run `python -m pip install --upgrade --force-reinstall torch torchvision`",
    )


def _wanted_torch() -> str:
    for line in metadata.requires("torchvision") or ():
        found = re.match(r"torch\s*\(?==\s*([\d.]+)", line)
        if found:
            return found.group(1)
    return "of the same release"


def threads() -> Finding:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{cores} cores, torch uses {torch.get_num_threads()} threads"
    if torch.get_num_threads() > cores:
        return Finding("threads", False, f"{text}: unset OMP_NUM_THREADS, or set it to {cores}")
    return Finding("threads", True, text)


def bubblewrap() -> Finding:
    if sys.platform != "linux":
        return Finding("bubblewrap", None, "grading a class is for Linux; lessons and labs do not need it")
    if not paths.can_grade():
        return Finding("bubblewrap", None, "only grading a class needs it, and this is a student's copy of the course")
    path = shutil.which("bwrap")
    if path is None:
        return Finding("bubblewrap", False, f"not installed (needed only to grade a class): {BUBBLEWRAP_LINE}")
    return Finding("bubblewrap", True, subprocess.run([path, "--version"], capture_output=True, text=True).stdout.strip())


def namespaces() -> Finding:
    if sys.platform != "linux":
        return Finding("user namespaces", None, "grading a class is for Linux; lessons and labs do not need them")
    if not paths.can_grade():
        return Finding("user namespaces", None, "only grading a class needs them")
    path = shutil.which("bwrap")
    if path is None:
        return Finding("user namespaces", None, "cannot be tried without bubblewrap")
    command = [path, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if run.returncode == 0:
        return Finding("user namespaces", True, "bubblewrap can isolate processes here")
    return Finding(
        "user namespaces",
        False,
        f"bubblewrap cannot isolate processes here ({run.stderr.strip()}). In a container, allow user namespaces; "
        "on Ubuntu 24.04 or newer: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    )


def data() -> Finding:
    from course_data import data_root, status

    here = ", ".join(_shown(entry) for entry in status())
    return Finding("data", True, f"{data_root()}: {here}")


def _shown(entry: "Status") -> str:
    return f"{entry.name} {'ready' if entry.ready else 'not there (`course data get ' + entry.name + '`)'}"


def kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except Exception:
        return Finding("jupyter kernel", False, "no kernel named python3: run `python -m ipykernel install --sys-prefix`")
    program = spec.argv[0]
    if program in ("python", "python3"):  # Jupyter starts these with its own interpreter, whatever is on the path
        program = sys.executable
    if os.path.dirname(os.path.abspath(program)) != os.path.dirname(os.path.abspath(sys.executable)):
        return Finding(
            "jupyter kernel",
            False,
            f"the kernel python3 runs {program}, not this environment: run `{sys.executable} -m ipykernel install --sys-prefix`",
        )
    return Finding("jupyter kernel", True, f"python3 runs {program}")


def disk() -> Finding:
    free = shutil.disk_usage(paths.REPOSITORY).free / 1e9
    good = free >= 2
    text = f"{free:.0f} GB free at {paths.REPOSITORY}"
    return Finding("disk", good, text if good else f"{text}: 2 GB are needed for data and models; make room")
