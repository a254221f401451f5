"""Attacks on what processes share: sockets, shared memory, semaphores, queues, keys, FIFOs."""

import ctypes
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from .loot import canaries_in, entries_below, leave_marks, tried
from .orders import Orders, attack
from .system import checked, libc, syscall

SOCKETS = (
    "/run/munge/munge.socket.2",
    "/var/run/munge/munge.socket.2",
    "/run/mysqld/mysqld.sock",
    "/run/dbus/system_bus_socket",
    "/run/user/2000/bus",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/nscd/socket",
    "/run/systemd/private",
)
SOCKET_FOLDERS = ("/tmp", "/var/tmp", "/run", "/var/spool/slurmd-n1", "/var/spool/slurmd-n2", "/var/lib/apptainer")
SHM_RDONLY = 0o10000
IPC_RMID = 0
MQ_OPEN, KEYCTL = 240, 250
KEYCTL_SEARCH, KEYCTL_READ = 10, 11
KEYRINGS = (-1, -2, -3, -4, -5)
"""Of the thread, process, session, user, and the user's session."""


@attack
def sockets_by_path(orders: Orders) -> Iterator[str]:
    """Slurm's, munge's and other daemons' sockets, and those of agents in /tmp."""
    found = {str(path) for folder in SOCKET_FOLDERS for path in entries_below(folder) if is_socket(path)}
    for path in sorted({*SOCKETS, *found}):
        with tried(f"connect to {path}"), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(path)
            yield f"connected to {path}"


@attack
def sockets_by_process(orders: Orders) -> Iterator[str]:
    """Munge's socket through the roots of other processes."""
    for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
        path = f"/proc/{pid}/root/run/munge/munge.socket.2"
        with tried(f"connect to {path}"), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(path)
            yield f"connected to {path}"


@attack
def fifos(orders: Orders) -> Iterator[str]:
    """Named pipes of others: what is written there is read by them."""
    for folder in ("/tmp", "/var/tmp", "/dev/shm", orders.home):
        for path in entries_below(folder):
            with tried(f"write to {path}"):
                if stat.S_ISFIFO(path.lstat().st_mode):
                    os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b"")
                    yield f"{path} is open for writing"


@attack
def shared_memory(orders: Orders) -> Iterator[str]:
    """System V segments, by the kernel's list and by number."""
    listed = [int(line.split()[1]) for line in Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()[1:]]
    for number in {*listed, *range(64)}:
        with tried(f"attach segment {number}"):
            address = libc.shmat(number, None, SHM_RDONLY)
            checked(-1 if address == ctypes.c_void_p(-1).value else 0)
            yield from canaries_in(ctypes.string_at(address, 4096))


@attack
def semaphores(orders: Orders) -> Iterator[str]:
    """System V semaphores, by the kernel's list."""
    for line in Path("/proc/sysvipc/sem").read_text(encoding="utf-8").splitlines()[1:]:
        number = int(line.split()[1])
        with tried(f"semaphore {number}"):
            checked(libc.semctl(number, 0, 12))  # GETVAL
            yield f"semaphore {number} is read"


@attack
def message_queues(orders: Orders) -> Iterator[str]:
    """POSIX message queues by their usual names, and by a mount of their file system."""
    for name in (b"canary", b"torch"):
        with tried(f"open queue {name.decode()}"):
            yield f"queue {syscall(MQ_OPEN, name, os.O_RDONLY, 0, None)} is open"
    yield from (f"queue {path}" for path in entries_below("/dev/mqueue"))


@attack
def shared_memory_files(orders: Orders) -> Iterator[str]:
    """POSIX shared memory and semaphores: files below /dev/shm, of NCCL and DataLoader too."""
    for path in entries_below("/dev/shm"):
        if orders.mark("") in path.name:
            continue  # of an attack before this one
        with tried(f"open {path}"):
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
            yield f"{path} is open for writing"


@attack
def kernel_keys(orders: Orders) -> Iterator[str]:
    """Keys of the account in the kernel's keyrings."""
    for ring in KEYRINGS:
        with tried(f"search keyring {ring}"):
            key = syscall(KEYCTL, KEYCTL_SEARCH, ring, b"user", b"packtrain-canary", 0)
            buffer = ctypes.create_string_buffer(256)
            syscall(KEYCTL, KEYCTL_READ, key, buffer, 256)
            yield from canaries_in(buffer.raw)


@attack
def listed_keys(orders: Orders) -> Iterator[str]:
    """Keys of the account by the numbers that /proc/keys tells."""
    for line in Path("/proc/keys").read_text(encoding="utf-8").splitlines():
        buffer = ctypes.create_string_buffer(256)
        with tried(f"read key {line.split()[0]}"):
            syscall(KEYCTL, KEYCTL_READ, int(line.split()[0], 16), buffer, 256)
            yield from canaries_in(buffer.raw)


@attack
def squatted_names(orders: Orders) -> Iterator[str]:
    """Names that others are about to use: caches, rendezvous files and locks in the shared folders."""
    mark = orders.mark("squatted_names")
    for folder in ("/tmp/torchinductor_packtrain", "/tmp/hf", "/dev/shm/nccl", "/var/tmp/triton"):
        with tried(f"make {folder}"):
            Path(folder).mkdir(exist_ok=True)
            leave_marks([folder], mark)
    yield from ()


def is_socket(path: Path) -> bool:
    """Whether a path is a socket."""
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False
