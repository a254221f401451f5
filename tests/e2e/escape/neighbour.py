"""Process of the service account beside the runs: it holds a canary in each place where a process can have one.

Runs on the lab with its Python. Its canaries come as arguments `kind=canary`; it ends with its standard input.
"""

import ctypes
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path

FOLDER = Path("/tmp/ssh-neighbour")
SEGMENT_KEY = 0x70616B
IPC_CREAT = 0o1000
ADD_KEY, MQ_OPEN = 248, 240
USER_KEYRING = -4

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p


def main() -> None:
    """Hold the canaries, say so, and wait."""
    canaries = dict(argument.split("=", 1) for argument in sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "note").write_text(canaries["folder"])
    os.chdir(FOLDER)
    kept = [ctypes.create_string_buffer(canaries["memory"].encode()), deleted_file(canaries["descriptor"]), fifo()]
    shared_memory(canaries["segment"])
    keys(canaries["key"])
    queue()
    threading.Thread(target=answer, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    del kept


def deleted_file(canary: str) -> object:
    """A file that has a descriptor and no name."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(canary.encode())
    file.flush()
    return file


def fifo() -> int:
    """A named pipe that is open for reading."""
    path = FOLDER / "fifo"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


def shared_memory(canary: str) -> None:
    """A System V segment and a semaphore."""
    segment = libc.shmget(SEGMENT_KEY, 4096, IPC_CREAT | 0o600)
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, canary.encode(), len(canary))
    if min(segment, libc.semget(SEGMENT_KEY, 1, IPC_CREAT | 0o600)) < 0:
        raise OSError(ctypes.get_errno(), "no shared memory")


def keys(canary: str) -> None:
    """A key in the account's keyring."""
    added = libc.syscall(ADD_KEY, b"user", b"packtrain-canary", canary.encode(), len(canary), USER_KEYRING)
    if added < 0:
        raise OSError(ctypes.get_errno(), "no key")


def queue() -> None:
    """A POSIX message queue."""
    if libc.syscall(MQ_OPEN, b"canary", os.O_CREAT | os.O_RDWR, 0o600, None) < 0:
        raise OSError(ctypes.get_errno(), "no queue")


def answer() -> None:
    """A socket as an agent has it."""
    path = FOLDER / "agent.1"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        while True:
            listener.accept()[0].close()


main()
