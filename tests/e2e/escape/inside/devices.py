"""Attacks on the kernel's own files and devices. What would change the machine is opened for writing, never written."""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from .loot import entries_below, tried
from .orders import Orders, attack
from .system import CLONE_NEWPID, CLONE_NEWUSER, enter_user_namespace, libc, mount

SETTINGS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/proc/kcore",
    "/proc/irq/default_smp_affinity",
)
HARMLESS = {1: (3, 5, 7, 8, 9), 5: (0, 1, 2), 136: (), 195: ()}
"""Devices that every program may have, by major and minor; none means all. 195 are NVIDIA's."""
NUMBERS = {"memory": (stat.S_IFCHR, 1, 1), "disk": (stat.S_IFBLK, 254, 0), "first-disk": (stat.S_IFBLK, 8, 0)}
SETUID_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/bin", "/sbin")


@attack
def kernel_settings(orders: Orders) -> Iterator[str]:
    """Settings that run a program as root, or end the machine."""
    for path in SETTINGS:
        yield from opened(path)


@attack
def kernel_objects(orders: Orders) -> Iterator[str]:
    """Files below /sys that may be written."""
    for name in ("kernel/uevent_helper", "power/state", "kernel/mm/ksm/run"):
        yield from opened(f"/sys/{name}")
    for folder in ("/sys/kernel", "/sys/fs", "/sys/block", "/sys/power"):
        for path in entries_below(folder):
            if path.is_file() and os.access(path, os.W_OK):
                yield from opened(path)


@attack
def control_groups(orders: Orders) -> Iterator[str]:
    """Limits of others, and release_agent."""
    for path in entries_below("/sys/fs/cgroup"):
        if path.name in ("release_agent", "cgroup.procs", "notify_on_release", "cgroup.kill", "tasks"):
            yield from opened(path)


@attack
def control_groups_mounted(orders: Orders) -> Iterator[str]:
    """A control group file system mounted anew in a user namespace."""
    enter_user_namespace()
    for kind, data in (("cgroup", "memory"), ("cgroup", "rdma"), ("cgroup2", "")):
        with tried(f"mount {kind} {data}"):
            mount("none", "/tmp", kind, data=data)
            yield from opened("/tmp/release_agent")
            yield from opened("/tmp/cgroup.procs")


@attack
def devices_at_hand(orders: Orders) -> Iterator[str]:
    """Memory, disks, FUSE and whatever else is no plain device."""
    for path in entries_below("/dev"):
        with tried(f"look at {path}"):
            status = path.lstat()
            plain = HARMLESS.get(os.major(status.st_rdev), (-1,))
            kind = stat.S_IFMT(status.st_mode)
            if kind in (stat.S_IFBLK, stat.S_IFCHR) and plain and os.minor(status.st_rdev) not in plain:
                yield from opened(path, os.O_RDONLY)


@attack
def devices_made(orders: Orders) -> Iterator[str]:
    """Memory and disks by mknod, as oneself and as root of a user namespace."""
    for attempt in ("user", "root"):
        if attempt == "root":
            with tried("user namespace"):
                enter_user_namespace(CLONE_NEWPID)
        for name, (kind, major, minor) in NUMBERS.items():
            path = f"{orders.output}/device-{attempt}-{name}"
            with tried(f"mknod {path}"):
                os.mknod(path, kind | 0o666, os.makedev(major, minor))
                yield f"{path} is made"


@attack
def setuid_programs(orders: Orders) -> Iterator[str]:
    """Programs that would run as root, Apptainer's starter-suid and FUSE's among them."""
    for folder in SETUID_FOLDERS:
        for path in entries_below(folder):
            with tried(f"look at {path}"):
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode) and mode & stat.S_ISUID and may_become_root(path):
                    yield f"{path} runs as root"


@attack
def subordinate_ids(orders: Orders) -> Iterator[str]:
    """More ids than one's own, by newuidmap of the image or of the host."""
    child = os.fork()
    if child == 0:
        libc.unshare(CLONE_NEWUSER)
        signal.pause()
    time.sleep(0.2)  # until the child has its namespace
    programs = [f"{folder}/newuidmap" for folder in ("/usr/bin", "/proc/1/root/usr/bin", f"{orders.tools}/bin")]
    for program, first in product(programs, ("100000", "200000")):
        with tried(f"{program} from {first}"):
            command = [program, str(child), "0", first, "1000"]
            if subprocess.run(command, capture_output=True, check=False, timeout=5).returncode == 0:
                yield f"{program} maps ids"
    os.kill(child, signal.SIGKILL)


def opened(path: Path | str, flags: int = os.O_WRONLY) -> Iterator[str]:
    """Evidence that a file can be opened."""
    with tried(f"open {path}"):
        os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
        yield f"{path} is open"


def may_become_root(path: Path) -> bool:
    """Whether the bit has an effect: no flag of the process or its mount takes it away, and the owner is another."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    plain_mount = not os.statvfs(path).f_flag & os.ST_NOSUID
    return "NoNewPrivs:\t0" in status and plain_mount and path.lstat().st_uid != os.getuid()
