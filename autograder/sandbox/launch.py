"""Starts the warm parent: which files it may see, under which isolation."""

import os
import platform
import shutil
import signal
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import course_data
from autograder.course import blanks, paths
from autograder.sandbox.cores import own_core
from autograder.sandbox.inside import channel
from autograder.sandbox.limits import Limits, SandboxUnavailable

INSIDE = Path(__file__).parent / "inside"
ROOT = "/sandbox"
# Of this folder: what both sides import, and the sandbox without a package around it.
STANDING_ALONE = ("calling.py", "wire.py", "wire_format.py", "wire_layers.py", "wire_modules.py", "wire_reader.py", "wire_writer.py")
# A course that was installed rather than checked out lies among the libraries; its checks must not be seen.
COURSE = ("autograder", "course_data", "course_labs", "course_lessons", "course_catalogue")
COURSE_FILES = ("blanks.py", "cell_code.py", "figure_style.py", "shell.py")  # of autograder/course: what code in the sandbox imports
CHECKOUT = ("solutions", "lessons", "labs", "data", "tests")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",  # the same submission with the same seed takes the same path
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
START_SECONDS = 300.0  # importing torch from a cold disk takes long, and longer where others need the processor
FIRST_UID, UIDS = 60000, 5000
WEAK_FIRST_UID = 55000  # of sandboxes without bubblewrap: at their end every process of the user is killed
ON_LINUX = "Class grading runs on Linux (or in WSL 2 or a virtual machine on other systems)."
INSTALL = "Install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`; Fedora: `dnf install bubblewrap`)."


class Warm:
    """A running warm parent: its process, the connection to it, what it said about itself."""

    def __init__(self, level: str, preload: Iterable[str], limits: Limits) -> None:
        self.level = level
        self.folder: tempfile.TemporaryDirectory | None = None
        if not hasattr(os, "fork") or not hasattr(socket, "AF_UNIX"):
            raise SandboxUnavailable("This system cannot fork processes.", ON_LINUX)
        # A user of their own keeps students' processes off files and processes of root's, whatever else is missing.
        as_root = os.geteuid() == 0 and (level == "bubblewrap" or _other_users_can_run_python())
        if level == "bubblewrap":
            command, folder = _bubblewrap_command(as_root), None
            environment: dict[str, str] = {}
        else:
            self.folder, self.lock = _own_folder()
            folder = self.folder
            command, environment = _process_command(Path(folder.name), copied=as_root)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=errors, stderr=errors, env=environment, start_new_session=True, cwd="/"
            )
        except OSError as problem:
            self.control.close()
            self._remove_folder()
            raise SandboxUnavailable(f"{command[0]} could not be started: {problem}.", INSTALL) from None
        finally:
            theirs.close()
        first = FIRST_UID if level == "bubblewrap" else WEAK_FIRST_UID
        self.uid = first + self.process.pid % UIDS if as_root else None
        if folder is not None and self.uid is not None:
            os.chown(f"{folder.name}/scratch", self.uid, self.uid)
        config = {
            "level": level,
            "uid": self.uid,
            "core": own_core(),
            "packages": _inside_paths(level),
            "preload": list(preload),
            "scratch": "/tmp" if folder is None else f"{folder.name}/scratch",
            "limits": {**vars(limits), "other_processes": 0 if as_root and folder else _other_processes(level)},
        }
        try:
            channel.send(self.control, config, timeout=START_SECONDS)
            answer, _ = channel.receive(self.control, START_SECONDS)
        except (OSError, EOFError, ValueError):
            self.kill()
            errors.seek(0)
            raise SandboxUnavailable(*_explain(level, errors.read().decode("utf-8", "replace").strip())) from None
        finally:
            errors.close()
        if "failed" in answer:
            self.kill()
            raise SandboxUnavailable(f"The libraries could not be prepared for grading: {answer['failed']}.", "Run `course doctor`.")
        self.facts = answer["facts"]

    def kill(self) -> None:
        """End the warm parent and everything below it. Safe to call twice."""
        self.control.close()
        if self.level == "process":
            # Without a namespace the supervisors need a moment to kill what they started.
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        self.process.wait()
        if self.level == "process" and self.uid is not None:
            _kill_all_of(self.uid)  # what a submission may have left behind, out of the supervisor's sight
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self.folder is not None:
            self.folder.cleanup()
            self.lock.close()
            self.folder = None


def _own_folder() -> tuple[tempfile.TemporaryDirectory, TextIO]:
    """A temporary folder and the lock that says it is in use; folders that a killed grader left are removed."""
    import fcntl  # not on Windows, where this is never called

    prefix = "course-sandbox-"
    for old in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            with open(old / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            pass  # in use, or another user's
    folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    lock = open(Path(folder.name) / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _interpreter() -> str:
    return os.path.realpath(sys.executable)


def _package_folders() -> list[str]:
    """The folders that installed libraries lie in."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    folders += [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    return [each for each in dict.fromkeys(map(os.path.realpath, folders)) if os.path.isdir(each)]


def seen_from_inside(path: Path) -> bool:
    """Whether students' code could read `path` from inside bubblewrap: it lies among the libraries or in /usr."""
    path = Path(path).resolve()
    return any(path.is_relative_to(os.path.realpath(each)) for each in ("/usr", sys.base_prefix, *_package_folders()))


def _course_folders() -> list[str]:
    """Every folder that holds the course: installed among the libraries, or this checkout."""
    found = [os.path.join(folder, name) for folder in _package_folders() for name in COURSE]
    found += [str(INSIDE.parents[1]), *(str(INSIDE.parents[2] / name) for name in CHECKOUT)]
    return list(dict.fromkeys(os.path.realpath(each) for each in found if os.path.isdir(each)))


def _inside_paths(level: str) -> list[str]:
    """Where the library folders are, seen from inside."""
    folders = _package_folders()
    return folders if level == "process" else [f"{ROOT}/packages{index}" for index in range(len(folders))]


def _bubblewrap_command(as_root: bool) -> list[str]:
    tool = shutil.which("bwrap")
    if sys.platform != "linux":
        raise SandboxUnavailable("bubblewrap exists only on Linux.", ON_LINUX)
    if tool is None:
        raise SandboxUnavailable("bubblewrap is not installed.", INSTALL)
    prefix = os.path.realpath(sys.base_prefix)
    arguments = [tool, "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    arguments += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if as_root:
        # Without a user namespace here, so that the warm parent can leave root for a real other user.
        arguments += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    made = {"/"}

    def parents(path: str) -> None:
        # bubblewrap makes missing folders readable for their owner only.
        for folder in reversed(Path(path).parents):
            if str(folder) not in made:
                made.add(str(folder))
                arguments.extend(["--perms", "0755", "--dir", str(folder)])

    def show(path: str | Path, at: str | None = None) -> None:
        at = at or str(path)
        parents(at)
        made.add(at)
        arguments.extend(["--ro-bind", str(path), at])

    show("/usr")
    for name in ("/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        if os.path.islink(name):
            arguments.extend(["--symlink", os.readlink(name), name])
        elif os.path.isdir(name):
            show(name)
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/sys/devices/system/cpu"):
        if os.path.exists(path):
            show(path)
    if prefix.startswith("/nix/store/"):
        show("/nix/store")
    elif not prefix.startswith("/usr"):
        show(prefix)
    shown = {"/usr": "/usr", prefix: prefix}
    for index, folder in enumerate(_package_folders()):
        shown[folder] = f"{ROOT}/packages{index}"
        show(folder, shown[folder])
    for source, at in shown.items():
        for secret in _course_folders():
            if secret.startswith(source + "/"):
                arguments.extend(["--tmpfs", at + secret.removeprefix(source)])
    for inside, file in _own_files().items():
        show(file, f"{ROOT}/{inside}")
    arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
    for name, value in {**ENVIRONMENT, "HOME": "/tmp", "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp/matplotlib"}.items():
        arguments.extend(["--setenv", name, value])
    return [*arguments, "--", _interpreter(), "-s", "-S", "-P", "-B", f"{ROOT}/inside/main.py"]


def _process_command(folder: Path, copied: bool) -> tuple[list[str], dict[str, str]]:
    """The same layout in a temporary folder, without isolation of files.

    For another user the code is copied, because the course itself may be closed to others; then only the folder
    `scratch` is that user's.
    """
    for inside, path in _own_files().items():
        place = folder / "code" / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        if not copied:
            place.symlink_to(path)
        elif path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(path, place)
    (folder / "scratch").mkdir(0o700)
    if copied:
        folder.chmod(0o755)
        for each in (folder / "code").rglob("*"):
            each.chmod(0o755 if each.is_dir() else 0o644)
        (folder / "code").chmod(0o755)
    scratch = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), str(folder / "scratch"))
    # Not through the link: the path of the file decides what else can be imported.
    start = f"import sys; sys.argv = ['']; sys.path[:0] = [{str(folder / 'code')!r}, {str(folder / 'code/stub')!r}]"
    return [_interpreter(), "-s", "-S", "-P", "-B", "-c", f"{start}; from inside import main; main.main()"], {
        **ENVIRONMENT,
        **scratch,
    }


def _other_users_can_run_python() -> bool:
    """Whether this process may become another user, and that user can read the interpreter and the libraries."""
    if sys.platform != "linux":
        return False
    status = Path("/proc/self/status").read_text()
    rights = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    if any(not rights >> number & 1 for number in (5, 6, 7)):  # CAP_KILL, CAP_SETGID, CAP_SETUID
        return False
    needed = [Path(_interpreter()), Path(os.path.realpath(sys.base_prefix)), *map(Path, _package_folders())]
    return all(each.stat().st_mode & 0o005 == 0o005 and all(up.stat().st_mode & 0o001 for up in each.parents) for each in needed)


def _kill_all_of(uid: int) -> None:
    """Kill every process of a user that exists for one sandbox only."""
    for _ in range(100):  # a process may fork while the list is read
        alive = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and entry.stat().st_uid == uid and "\nState:\tZ" not in (entry / "status").read_text():
                    alive.append(int(entry.name))
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass
        if not alive:
            return
        time.sleep(0.01)


def _own_files() -> dict[str, Path]:
    """{place inside: file or folder} of the code that runs in the sandbox."""
    return {
        "inside": INSIDE,
        **{name: INSIDE.with_name(name) for name in STANDING_ALONE},
        "stub/autograder/__init__.py": INSIDE / "__init__.py",
        "stub/autograder/student.py": INSIDE / "student.py",
        # What the lessons' own cells draw and load with; neither holds an answer.
        "stub/course_lessons/__init__.py": INSIDE / "__init__.py",
        **{f"stub/course_lessons/{figures.parent.name}/{figures.name}": figures for figures in paths.FOLDERS.glob("l*_*/figures.py")},
        "stub/course_data": Path(course_data.__file__).parent,
        "stub/course_labs.py": INSIDE / "course_labs.py",
        "stub/autograder/course/__init__.py": INSIDE / "__init__.py",
        **{f"stub/autograder/course/{name}": Path(blanks.__file__).with_name(name) for name in COURSE_FILES},
    }


def _other_processes(level: str) -> int | None:
    """How many processes of this user the process limit would also count; None if it cannot be known."""
    if sys.platform != "linux":
        return None
    release = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    if level == "bubblewrap" and release >= (5, 14):
        return 0  # counted for each user namespace
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == os.getuid():
                    count += len(list((entry / "task").iterdir()))
            except OSError:
                pass
    return count


def _explain(level: str, text: str) -> tuple[str, str]:
    """Why and what to do, from what the failed start has printed."""
    last = text.splitlines()[-1] if text else "it ended without a word"
    if level == "process":
        return f"The process for students' code did not start: {last}.", "Run `course doctor`."
    if "uid map" in text or "Operation not permitted" in text or "No permissions" in text:
        what = (
            "This system forbids user namespaces to ordinary programs. On Ubuntu 24.04 or later give bwrap an AppArmor "
            "profile with `userns,` (or set the sysctl kernel.apparmor_restrict_unprivileged_userns=0); in a container "
            "allow user namespaces; or run as root on a machine of its own."
        )
    else:
        what = "Run `course doctor`; a current bubblewrap (0.5 or later) is needed."
    return f"bubblewrap did not start: {last}.", what
