"""Attacks on processes of the same account: /proc, signals, ptrace, descriptors."""

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

from .loot import canaries_below, canaries_in, canaries_of, leave_marks, tried
from .orders import Orders, attack
from .system import checked, libc

MOST_PIDS = 1 << 18
MOST_MEMORY = 8 << 20
PTRACE_SEIZE = 0x4206
PIDFD_GETFD = 438
CONTAINED = Path("/.singularity.d").exists()


@attack
def environments(orders: Orders) -> Iterator[str]:
    """Secrets in /proc/PID/environ."""
    for pid in strangers():
        yield from canaries_of_process(pid, "environ")


@attack
def command_lines(orders: Orders) -> Iterator[str]:
    """Names, paths and job ids in /proc/PID/cmdline."""
    for pid in strangers():
        yield from canaries_of_process(pid, "cmdline")
        with tried(f"cmdline of {pid}"):
            line = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            yield from (job for job in orders.others if job in line)


@attack
def open_files(orders: Orders) -> Iterator[str]:
    """Files that other processes hold, deleted ones too, by /proc/PID/fd."""
    for pid in strangers():
        with tried(f"descriptors of {pid}"):
            for number in os.listdir(f"/proc/{pid}/fd"):
                yield from canaries_of(f"/proc/{pid}/fd/{number}")


@attack
def root_folders(orders: Orders) -> Iterator[str]:
    """The host's file system by /proc/PID/root."""
    for pid in strangers():
        yield from canaries_below(f"/proc/{pid}/root{orders.home}/.ssh")
        leave_marks([f"/proc/{pid}/root/tmp"], orders.mark("root_folders"))


@attack
def working_folders(orders: Orders) -> Iterator[str]:
    """What lies where other processes stand, by /proc/PID/cwd."""
    for pid in strangers():
        with tried(f"cwd of {pid}"):
            os.chdir(f"/proc/{pid}/cwd")
            for name in os.listdir("."):
                yield from canaries_of(name)


@attack
def memory_files(orders: Orders) -> Iterator[str]:
    """Heaps and stacks by /proc/PID/mem."""
    for pid in strangers():
        with tried(f"memory of {pid}"), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for start, size in writable_memory(pid):
                memory.seek(start)
                yield from canaries_in(memory.read(size))


@attack
def memory_calls(orders: Orders) -> Iterator[str]:
    """Heaps and stacks by process_vm_readv."""
    for pid in strangers():
        with tried(f"process_vm_readv of {pid}"):
            for start, size in writable_memory(pid):
                yield from canaries_in(read_memory(pid, start, size))


@attack
def tracing(orders: Orders) -> Iterator[str]:
    """PTRACE_SEIZE, which stops nobody and ends with this process."""
    for pid in strangers():
        with tried(f"trace {pid}"):
            checked(libc.ptrace(PTRACE_SEIZE, pid, None, None))
            yield f"{name_of(pid)} is traced"


@attack
def signals(orders: Orders) -> Iterator[str]:
    """Every number of a process, seen in /proc or not; WINCH is ignored by all."""
    for pid in living():
        with tried(f"signal {pid}"):
            os.kill(pid, signal.SIGWINCH)
            yield f"{name_of(pid)} takes signals"


@attack
def process_groups(orders: Orders) -> Iterator[str]:
    """The groups and sessions that this process was started in."""
    for pid in strangers():
        with tried(f"group of {pid}"):
            os.killpg(os.getpgid(pid), signal.SIGWINCH)
            yield f"the group of {name_of(pid)} takes signals"


@attack
def process_descriptors(orders: Orders) -> Iterator[str]:
    """pidfd_open, pidfd_send_signal and pidfd_getfd."""
    for pid in strangers():
        with tried(f"pidfd of {pid}"):
            descriptor = os.pidfd_open(pid)
            signal.pidfd_send_signal(descriptor, signal.SIGWINCH)
            yield f"{name_of(pid)} takes signals"
            checked(libc.syscall(PIDFD_GETFD, descriptor, 0, 0))
            yield f"descriptor 0 of {name_of(pid)}"


@attack
def limits_of_others(orders: Orders) -> Iterator[str]:
    """Limits and processors of other processes, set to what they are."""
    for pid in strangers():
        with tried(f"affinity of {pid}"):
            os.sched_setaffinity(pid, os.sched_getaffinity(pid))
            yield f"the processors of {name_of(pid)}"
        with tried(f"limits of {pid}"):
            resource.prlimit(pid, resource.RLIMIT_CORE, resource.prlimit(pid, resource.RLIMIT_CORE))
            yield f"the limits of {name_of(pid)}"


@attack
def inherited_descriptors(orders: Orders) -> Iterator[str]:
    """Folders that a parent left open: the way out by dots."""
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:
        for above in ("", "/..", "/../..", "/../../..", "/../../../.."):
            yield from canaries_below(f"/proc/self/fd/{number}{above}/.ssh")
            yield from canaries_below(f"/proc/self/fd/{number}{above}{orders.home}/.ssh")


@attack
def parents(orders: Orders) -> Iterator[str]:
    """Roots and folders of the processes that started this one, the container's first among them."""
    for pid in {1, os.getppid(), *ancestors()}:
        for way in ("root", "cwd"):
            yield from canaries_below(f"/proc/{pid}/{way}{orders.home}/.ssh", f"/proc/{pid}/{way}/.ssh")


def strangers() -> list[int]:
    """Processes that are not of this container."""
    return [pid for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) if is_strange(pid)]


def living() -> Iterator[int]:
    """Numbers that a signal may be sent to and that are not of this container, seen in /proc or not."""
    for pid in range(1, MOST_PIDS):
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        if is_strange(pid):
            yield pid


def is_strange(pid: int) -> bool:
    """Whether a process lives in other mounts; outside a container (the control) all but this one do."""
    if pid == os.getpid():
        return False
    try:
        return not CONTAINED or not os.path.samefile(f"/proc/{pid}/ns/mnt", "/proc/self/ns/mnt")
    except OSError:
        return True


def name_of(pid: int) -> str:
    """A process by its number and name."""
    try:
        return f"{pid} ({Path(f'/proc/{pid}/comm').read_text(encoding='utf-8').strip()})"
    except OSError:
        return str(pid)


def canaries_of_process(pid: int, file: str) -> Iterator[str]:
    """The canaries of a file below /proc/PID, whose size is told as 0."""
    yield from canaries_of(f"/proc/{pid}/{file}")


def writable_memory(pid: int) -> Iterator[tuple[int, int]]:
    """Where heap, stack and small anonymous maps of a process begin, and how long they are."""
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        addresses, mode, _, _, inode, *name = line.split()
        start, end = (int(number, 16) for number in addresses.split("-"))
        if mode.startswith("rw") and inode == "0" and end - start <= MOST_MEMORY and name[:1] != ["[vvar]"]:
            yield start, end - start


def read_memory(pid: int, start: int, size: int) -> bytes:
    """A piece of another process's memory."""
    buffer = ctypes.create_string_buffer(size)
    pair = ctypes.c_void_p * 2
    local, remote = pair(ctypes.addressof(buffer), size), pair(start, size)
    count = checked(libc.process_vm_readv(pid, local, ctypes.c_ulong(1), remote, ctypes.c_ulong(1), ctypes.c_ulong(0)))
    return buffer.raw[:count]


def ancestors() -> Iterator[int]:
    """The numbers of all parents that can be seen."""
    pid = os.getppid()
    while pid > 0:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            return
