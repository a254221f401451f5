"""System calls that Python 3.11 has no function for."""

import ctypes
import os
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.syscall.restype = ctypes.c_long
libc.process_vm_readv.restype = ctypes.c_long

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2


def checked(answer: int) -> int:
    """The answer of a call; -1 raises OSError by errno."""
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def enter_user_namespace(more: int = 0) -> None:
    """A user namespace with mounts of its own, in which this process is root; who is root needs the mounts only."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        checked(libc.unshare(CLONE_NEWNS | more))
        checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        return
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | more))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    checked(libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, data.encode() or None))


def unmount(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    checked(libc.umount2(target.encode(), flags))


def syscall(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """A system call by its number on x86-64."""
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return checked(libc.syscall(number, *wide))
