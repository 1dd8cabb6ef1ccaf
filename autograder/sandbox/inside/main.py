"""The warm parent: imports the public libraries once, then forks a supervisor for every submission.

It runs no student code and no tensor operation: a parallel one would start threads, which do not
survive a fork, and every child would hang.
"""

import gc
import importlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable

TYPE_CHECKING = False  # mypy knows the name; `typing` is not imported for it before root is left
if TYPE_CHECKING:
    from inside.processes import Table

INSIDE_ID = 1000  # the user and group a submission sees itself as


def main() -> None:
    control = socket.socket(fileno=os.dup(0))
    from inside import channel

    config, _ = channel.receive(control)
    sys.path += config["packages"]  # last, as in any Python: a package must not shadow the standard library
    started = os.path.join(os.path.dirname(os.path.abspath(__file__)), "started")
    os.environ["PYTHONPATH"] = os.pathsep.join([started, *config["packages"]])  # for a Python that a notebook starts, as joblib does
    become_unprivileged(config)
    try:
        facts = warm_up(config)
    except Exception as problem:
        channel.send(control, {"failed": f"{type(problem).__name__}: {problem}"})
        return
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    channel.send(control, {"ready": True, "facts": facts})
    serve(control, config)


def become_unprivileged(config: dict) -> None:
    """Leave root for good, before anything else is imported."""
    if sys.platform != "linux":
        return
    from inside import kernel

    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else /proc/self stays root's, and the id maps cannot be written
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if config["level"] == "process":
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("800")  # if the machine runs out of memory, a submission goes first
    if config["level"] == "bubblewrap":
        own_namespaces()


def own_namespaces() -> None:
    """Continue as the first process of a user and a pid namespace that belong to it.

    Whoever makes pid namespaces and wants to come back from them must own the one it came from.
    """
    from inside import kernel

    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    kernel.map_ids(INSIDE_ID, uid, gid)
    pid = os.fork()
    if pid:
        os.close(0)
        os.closerange(3, 256)  # above all the connection to the grader: its end must be seen by the child alone
        os.waitpid(pid, 0)
        os._exit(0)


def warm_up(config: dict) -> dict:
    missing = load(config["preload"])
    import linecache  # noqa: F401  what every session needs anyway
    import site
    import traceback  # noqa: F401

    import wire  # noqa: F401
    from inside import cells, state, supervisor  # noqa: F401

    site.setquit()
    site.sethelper()
    torch = sys.modules.get("torch")
    if torch is not None:
        # Threads do not survive the fork after each cell: code that asks for more would hang in the next one.
        torch.set_num_threads = torch.set_num_interop_threads = lambda number: None  # type: ignore[attr-defined]
    return {"threads": settle(config["preload"]), "not_preloaded": missing}


def load(names: Iterable[str]) -> list[str]:
    """Import modules; the names of those that could not be."""
    missing = []
    gc.disable()  # nothing that is imported becomes garbage: a third of the time
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # not installed, or not as this version has it: whoever wants it imports it
            missing.append(name)
    gc.enable()
    return missing


def settle(names: Iterable[str]) -> int | None:
    """After an import, and before the next fork. Returns the number of threads."""
    threads = None
    if sys.platform == "linux":
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            raise RuntimeError(f"{threads} threads after importing {', '.join(names)}; it must be one")
    gc.collect()
    gc.freeze()  # the collector then never touches these objects, so their pages stay shared
    return threads


def serve(control: socket.socket, config: dict) -> None:
    """Start and end sessions as the grader asks, until it goes away."""
    from inside import channel

    sessions, loaded = {}, set(config["preload"])
    while True:
        try:
            order, sockets = channel.receive(control)
        except (EOFError, OSError):
            break
        if order["do"] == "start":
            try:
                if further := [name for name in order["preload"] if name not in loaded]:
                    loaded.update(further)
                    load(further)
                    settle(further)
                sessions[order["id"]] = start(control, sockets[0], {**config, **order})
                channel.send(control, {"ok": True})
            except (OSError, RuntimeError) as problem:
                channel.send(control, {"failed": str(problem)})
            sockets[0].close()
        else:
            pid = sessions.pop(order["id"], None)
            if pid is not None and config["level"] == "bubblewrap":
                os.kill(pid, signal.SIGKILL)  # this cannot fail to end it; the grader need not wait for it
            channel.send(control, {"ok": True})
            end(pid, config)
    for pid in sessions.values():
        end(pid, config)


def start(control: socket.socket, link: socket.socket, config: dict) -> int:
    """Fork a supervisor that listens on `link`. Returns its pid."""
    if config["level"] == "process":
        child = os.fork()
        if child == 0:
            _as_child(control, lambda: session(link, config, None))
        return child
    from inside import kernel

    # The next child is the first process of a new pid namespace; the ones after it shall not be in the same.
    pid: int | None = None
    with open("/proc/self/ns/pid") as own:
        kernel.unshare(kernel.CLONE_NEWPID)
        try:
            pid = os.fork()
        finally:
            if pid != 0:
                kernel.enter(own.fileno(), kernel.CLONE_NEWPID)
    if pid == 0:
        _as_child(control, lambda: enter_namespaces(link, config))
    return pid


def _as_child(control: socket.socket, work: Callable[[], object]) -> None:
    """Run `work` in a forked child and leave without Python's clean-up, whatever happens."""
    try:
        control.close()
        work()
    finally:
        os._exit(0)


def enter_namespaces(link: socket.socket, config: dict) -> None:
    """In a fresh pid namespace: all other namespaces, private files, no rights; then supervise."""
    from inside import channel, kernel, processes

    uid, gid = os.getuid(), os.getgid()
    try:
        kernel.unshare(kernel.NAMESPACES)
        kernel.map_ids(INSIDE_ID, uid, gid)
        table = processes.Table()
        private_files(config["limits"]["scratch_mb"], config["limits"]["files"])
        kernel.drop_capabilities()
    except OSError as problem:
        channel.send(link, {"failed": str(problem)})
        return
    config["limits"]["filtered"] = kernel.filter_syscalls()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # its own submission must not be able to read or trace it
    session(link, config, table)


def private_files(size_mb: int, files: int) -> None:
    """Fresh, small file systems over everything writable, and a /proc that shows no process."""
    from inside import kernel

    safe = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", "/tmp", "tmpfs", safe, f"size={size_mb}m,nr_inodes={files},mode=1777")
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", safe, f"size={size_mb}m,nr_inodes={files},mode=1777")
    # As an ordinary user's, the folder of terminals would be writable and shared between submissions.
    kernel.mount("tmpfs", "/dev/pts", "tmpfs", safe | kernel.MS_RDONLY, "size=4k,mode=555")
    # Libraries read these two; the rest of /proc would show the grader's processes.
    os.mkdir("/tmp/proc")
    kernel.mount("tmpfs", "/tmp/proc", "tmpfs", safe, "size=64k,mode=755")
    for name in ("cpuinfo", "meminfo"):
        with open(f"/tmp/proc/{name}", "w"):
            pass
        kernel.mount(f"/proc/{name}", f"/tmp/proc/{name}", None, kernel.MS_BIND)
    kernel.mount("/tmp/proc", "/proc", None, kernel.MS_MOVE)
    kernel.mount(None, "/proc", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | safe)
    os.rmdir("/tmp/proc")


def session(link: socket.socket, config: dict, table: "Table | None") -> None:
    """The supervisor's life. Tells the grader first what isolation is in force here."""
    from inside import channel, processes, supervisor

    os.setsid()
    os.umask(0o022)
    own = {link.fileno()}
    if table is None and sys.platform == "linux":
        table = processes.Table()
        from inside import kernel

        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    if table is not None:
        own.add(table.directory)
    for descriptor in range(3, 256):
        if descriptor not in own:
            try:
                os.close(descriptor)
            except OSError:
                pass
    # Without file systems of their own, submissions get folders of their own: a notebook imports what lies in its folder.
    os.chdir(tempfile.mkdtemp(dir=config["scratch"]) if config["level"] == "process" else config["scratch"])
    status = table._status("self") if table is not None else {}
    config["limits"].setdefault("filtered", False)
    config["limits"]["mapped"] = int(status["VmSize"].split()[0]) << 10 if "VmSize" in status else None
    channel.send(link, {"facts": facts(status, config)})
    supervisor.supervise(link, {**config, "table": table})


def facts(status: dict[str, str], config: dict) -> dict:
    return {
        "uid": os.getuid(),
        "capabilities": int(status.get("CapEff", "0"), 16),
        "no_new_privileges": status.get("NoNewPrivs", "").strip() == "1",
        "syscall_filter": config["limits"]["filtered"],  # ours: a container may have one of its own
        "network": sorted(name for _, name in socket.if_nameindex()) if hasattr(socket, "if_nameindex") else None,
    }


def end(pid: int | None, config: dict) -> None:
    """End a supervisor and with it, in its namespace, everything it started."""
    if pid is None:
        return
    if config["level"] == "process":
        # Without a namespace only the supervisor knows its processes: it gets time to kill them.
        for _ in range(12000):  # a minute: on a busy machine it gets its turn late
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.005)
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:
        pass


if __name__ == "__main__":
    # `-S` leaves only the standard library on the path; what else may be imported is said here.
    sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    sys.path[1:1] = [os.path.join(sys.path[0], "stub")]
    main()
