"""The login node: what is put on it for this bench alone, and what sshd there saw of whom."""

import re
import shutil
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from container import lab
from container.steps import StepError, step
from tests.bench.sshd_log import SshdCount, count_sessions

TOP = Path(__file__).parents[3]
PLACE = "/opt/peers"
# Of the same version as the slurmctld that runs: the mirror may have a newer one by now. Its package starts nothing.
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 "slurmrestd=$(dpkg-query -W -f '${Version}' slurmctld)"
"""
SHARED = (
    "tests/__init__.py",
    "tests/bench/__init__.py",
    "tests/bench/peers/__init__.py",
    "tests/bench/peers/orders.py",
    "tests/bench/peers/programs/__init__.py",
)
_PORT = re.compile(r"(?:Accepted publickey|Starting session).* for \S+ from \S+ port (\d+)")


@dataclass
class LoginNode:
    """The lab's one, with its sshd's log."""

    lab: lab.Lab
    ours: frozenset[int] = frozenset()
    """The ports from which packtrain's server and worker are connected; whatever else comes is a peer's."""
    _begins: int = field(default=0)

    def install(self) -> None:
        """slurmrestd and a whole Python, from where this machine's apt takes Debian. Raises StepError."""
        with step("installing slurmrestd on the login node"):
            try:
                self.lab.run("bash", "-ec", INSTALL)
            except subprocess.CalledProcessError as error:
                raise StepError(f"apt failed: {error.stderr.strip()[-300:]}") from None

    def put_program(self, name: str) -> list[str]:
        """A program of programs/ with what it imports; returns the command that runs it there, over SSH."""
        for file in (*SHARED, f"tests/bench/peers/programs/{name}_program.py"):
            self._put(TOP / file, file)
        return self.lab.ssh_command(f"PYTHONPATH={PLACE} python3 -P -m tests.bench.peers.programs.{name}_program")

    def put_packages(self, folder: Path) -> None:
        """Pure Python packages, where put_program's programs find them."""
        for package in folder.iterdir():
            self._put(package, package.name)

    def know_ours(self) -> None:
        """Everybody who is connected by now is packtrain."""
        self.ours = client_ports(self._lines(0))

    def mark(self) -> None:
        """Count from here."""
        self._begins = self._log.stat().st_size

    def counted(self, *, ours: bool) -> SshdCount:
        """Since the mark."""
        return count_sessions(lines_of(self._lines(self._begins), self.ours, inside=ours))

    @property
    def _log(self) -> Path:
        return self.lab.root_dir / "var/log/slurm/sshd.log"

    def _lines(self, begins: int) -> list[str]:
        with self._log.open(encoding="utf-8", errors="replace") as log:
            log.seek(begins)
            return log.read().splitlines()

    def _put(self, source: Path, name: str) -> None:
        target = self.lab.root_dir / PLACE.lstrip("/") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)


def client_ports(lines: Iterable[str]) -> frozenset[int]:
    """Where those came from who logged in."""
    return frozenset(int(found[1]) for line in lines if (found := _PORT.search(line)))


def lines_of(lines: Iterable[str], ports: Collection[int], *, inside: bool) -> list[str]:
    """The log's lines about logins and sessions of these ports, or of all the others."""
    found = ((line, _PORT.search(line)) for line in lines)
    return [line for line, port in found if port and (int(port[1]) in ports) == inside]
