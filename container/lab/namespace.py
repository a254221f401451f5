"""Run commands in a Debian tree as their root, in namespaces of their own: a container engine in small."""

import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from container.background import Process

ENTER = Path(__file__).with_name("enter.sh")
UNSHARE = ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "bash", str(ENTER))
INIT_FILE = "init.pid"


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine that is seen inside."""

    source: Path
    target: str
    read_only: bool = True

    def line(self) -> str:
        """The form that enter.sh reads; it splits at blanks, so a path must have none."""
        if len(str(self.source).split()) != 1:
            raise ValueError(f"a path with blanks cannot be mounted into the lab: {self.source}")
        return f"{self.source} {self.target}{' ro' if self.read_only else ''}"


class Init(Process):
    """The first process of a set of namespaces: when it ends, the kernel ends everything inside and unmounts it."""

    @property
    def root(self) -> Path:
        """The tree as it is seen inside, for reading and writing from outside."""
        return Path(f"/proc/{self.pid}/root")

    def command(self, command: Sequence[str]) -> list[str]:
        """A command line that runs a command inside, as root."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--ipc", "--uts", "--", *command]


def find_init(state: Path) -> Init | None:
    """The init that was started on this state folder, if it still runs."""
    with suppress(OSError, ValueError):
        pid, start_time = (state / INIT_FILE).read_text().split()
        init = Init(int(pid), start_time)
        return init if init.alive() else None
    return None


def enter_command(tree: Path, state: Path, command: Sequence[str]) -> list[str]:
    """A command line that makes the namespaces and runs a command as their only one."""
    return [*UNSHARE, str(state.resolve()), str(tree.resolve()), *command]


def environment(mounts: Sequence[Mount], extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables for enter.sh, with `extra` ones; of the caller's own only PATH."""
    lines = "\n".join(mount.line() for mount in mounts)
    path = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    return {"PATH": path, "LC_ALL": "C.UTF-8", "LAB_MOUNTS": lines, **(extra or {})}


class Lifeline:
    """A pipe to a command that is being started: the command ends if this process dies before it lets go."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._poll = select.poll()
        self._poll.register(writer, 0)

    @classmethod
    def spawn(cls, command: Sequence[str], log: Path, env: Mapping[str, str]) -> Self:
        """Start a command in a session of its own, with the pipe as its stdin."""
        reader, writer = os.pipe()
        with log.open("ab") as out, os.fdopen(reader) as stdin:
            forked = ["setsid", "--fork", *command]
            subprocess.run(forked, stdin=stdin, stdout=out, stderr=out, env=env, check=True)
        return cls(writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._writer)

    def broken(self) -> bool:
        """Whether nobody holds the other end any more: the command has ended."""
        return bool(self._poll.poll(0))

    def let_go(self) -> None:
        """Tell the command to go on alone."""
        os.write(self._writer, b"stay\n")
