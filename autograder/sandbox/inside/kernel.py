"""What Python's standard library cannot ask of Linux: namespaces, mounts, capabilities, a syscall filter."""

import ctypes
import os
import platform
import struct
from collections.abc import Sequence

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS = 0x08000000, 0x40000000, 0x04000000
NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS  # beside a pid namespace

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_MOVE = 1, 2, 4, 32, 4096, 8192

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, first: object = 0, second: object = 0) -> int:
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in (first, second, 0, 0)]
    return _check(_libc.prctl(option, *words), f"prctl {option}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Join the namespace that an open file of /proc/*/ns stands for."""
    _check(_libc.setns(namespace, kind), "setns")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    what, where, system, words = (None if each is None else os.fsencode(each) for each in (source, target, kind, options))
    _check(_libc.mount(what, where, system, ctypes.c_ulong(flags), words), f"mount {target}")


def map_ids(inside: int, uid: int, gid: int) -> None:
    """In a fresh user namespace: `uid` and `gid` of outside are `inside` here, and nobody else exists."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{inside} {uid} 1"), ("gid_map", f"{inside} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def drop_capabilities() -> None:
    """Give up every capability in this user namespace, for this process and all it will start."""
    capability = 0
    try:
        while True:  # the kernel answers EINVAL after the last one it knows
            prctl(PR_CAPBSET_DROP, capability)
            capability += 1
    except OSError:
        pass
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


# Calls that a lesson has no use for and that widen what hostile code can reach: new namespaces and
# mounts, other processes' memory, key rings (shared with the login session), memory that no
# limit counts (memfd, System V segments), and signals to a process that a socket names
# (SO_PEERPIDFD: the supervisor made the sockets here). By number, as the kernel sees them.
_DENIED = {
    "x86_64": {
        "add_key": 248,
        "bpf": 321,
        "chroot": 161,
        "fsmount": 432,
        "fsopen": 430,
        "init_module": 175,
        "io_uring_setup": 425,
        "kexec_load": 246,
        "keyctl": 250,
        "memfd_create": 319,
        "memfd_secret": 447,
        "mount": 165,
        "mount_setattr": 442,
        "move_mount": 429,
        "msgget": 68,
        "open_by_handle_at": 304,
        "open_tree": 428,
        "perf_event_open": 298,
        "pidfd_getfd": 438,
        "pidfd_send_signal": 424,
        "pivot_root": 155,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "ptrace": 101,
        "request_key": 249,
        "setns": 308,
        "shmget": 29,
        "tkill": 200,
        "umount2": 166,
        "unshare": 272,
        "userfaultfd": 323,
        "vhangup": 153,
    },
    "aarch64": {
        "add_key": 217,
        "bpf": 280,
        "chroot": 51,
        "fsmount": 432,
        "fsopen": 430,
        "init_module": 105,
        "io_uring_setup": 425,
        "kexec_load": 104,
        "keyctl": 219,
        "memfd_create": 279,
        "memfd_secret": 447,
        "mount": 40,
        "mount_setattr": 442,
        "move_mount": 429,
        "msgget": 186,
        "open_by_handle_at": 265,
        "open_tree": 428,
        "perf_event_open": 241,
        "pidfd_getfd": 438,
        "pidfd_send_signal": 424,
        "pivot_root": 41,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "ptrace": 117,
        "request_key": 218,
        "setns": 268,
        "shmget": 194,
        "tkill": 130,
        "umount2": 39,
        "unshare": 97,
        "userfaultfd": 282,
        "vhangup": 58,
    },
}
# Calls whose first argument is a process to act on: kill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo,
# pidfd_open, prlimit64; sched_setaffinity, sched_setattr, sched_setparam, sched_setscheduler.
_ON_PROCESS = {
    "x86_64": (62, 234, 129, 297, 434, 302, 203, 314, 142, 144),
    "aarch64": (129, 131, 138, 240, 434, 261, 122, 274, 118, 119),
}
_SET_AFFINITY = {"x86_64": 203, "aarch64": 122}
_SET_PRIORITY = {"x86_64": 141, "aarch64": 140}  # of what kind (a process, a group, a user), which one
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
# fcntl F_SETOWN and F_SETOWN_EX, ioctl FIOSETOWN and SIOCSPGRP: they make the kernel signal a process later.
_SET_OWNER = {"x86_64": ((72, (8, 15)), (16, (0x8901, 0x8902))), "aarch64": ((25, (8, 15)), (29, (0x8901, 0x8902)))}
_CLONE3 = 435
_X32 = 0x40000000
_NEW_NAMESPACE = 0x7E020000  # every CLONE_NEW* flag that clone() takes
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24  # where the kernel puts them; the low half of an argument


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class _Filter:
    """A classic BPF program over (call number, architecture, arguments), built line by line."""

    def __init__(self, machine: str) -> None:
        self.code: list[bytes] = []
        self.add(_LOAD, _ARCH)
        self.add(_JUMP_EQUAL, _ARCHITECTURE[machine], 1, 0)
        self.add(_RETURN, _KILL)
        self.add(_LOAD, _NUMBER)

    def add(self, operation: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self.code.append(struct.pack("=HBBI", operation, if_true, if_false, value & 0xFFFFFFFF))

    def refuse(self, number: int, errno: int = _EPERM, test: int = _JUMP_EQUAL) -> None:
        """Refuse a call whatever its arguments."""
        self.add(test, number, 0, 1)
        self.add(_RETURN, _ERROR | errno)

    def refuse_if(self, number: int, where: int, values: Sequence[int], test: int = _JUMP_EQUAL) -> None:
        """Refuse a call if the argument at `where` is one of `values`."""
        self.add(_JUMP_EQUAL, number, 0, 2 + 2 * len(values))
        self.add(_LOAD, where)
        for value in values:
            self.add(test, value, 0, 1)
            self.add(_RETURN, _ERROR | _EPERM)
        self.add(_LOAD, _NUMBER)

    def install(self) -> None:
        self.add(_RETURN, _ALLOW)
        program = _Program(len(self.code), b"".join(self.code))
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        prctl(PR_SET_SECCOMP, 2, ctypes.byref(program))


def filter_syscalls() -> bool:
    """Refuse the calls above with EPERM, for good, here and in every child. Returns whether it is in force.

    `clone3` answers "not implemented", because its flags lie in memory where a filter cannot look;
    libraries then fall back to `clone`.
    """
    machine = platform.machine()
    if machine not in _DENIED:
        return False
    rules = _Filter(machine)
    if machine == "x86_64":
        rules.refuse(_X32, test=_JUMP_AT_LEAST)  # the same calls under other numbers
    for number in _DENIED[machine].values():
        rules.refuse(number)
    rules.refuse(_CLONE3, _ENOSYS)
    rules.refuse_if(_CLONE[machine], _FIRST, [_NEW_NAMESPACE], test=_JUMP_SET)
    for number, commands in _SET_OWNER[machine]:
        rules.refuse_if(number, _SECOND, commands)
    try:
        rules.install()
    except OSError:
        return False
    return True


def keep_core() -> None:
    """From now on this process and its children stay on the processor core that they are bound to."""
    machine = platform.machine()
    if machine in _SET_AFFINITY:
        rules = _Filter(machine)
        rules.refuse(_SET_AFFINITY[machine])
        rules.install()


def protect(pid: int) -> None:
    """From now on this process and its children cannot signal, limit or slow down `pid`, an ancestor with the same user.

    Filters add up, so a child of a child keeps away from the whole line. Nor can they signal "everybody".
    """
    machine = platform.machine()
    if machine not in _ON_PROCESS:
        return
    rules = _Filter(machine)
    for number in _ON_PROCESS[machine]:
        rules.refuse_if(number, _FIRST, [pid, -pid, -1])
    rules.refuse_if(_SET_PRIORITY[machine], _FIRST, [1, 2])
    rules.refuse_if(_SET_PRIORITY[machine], _SECOND, [pid])
    rules.install()
