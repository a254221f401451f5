"""What a fault may lay hands on, in one trial."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.chaos.house import LEASE_SECONDS, House, until
from tests.chaos.points import Point, SubmissionWatch
from tests.chaos.ssh_proxy import Direction
from tests.chaos.witness import Driver

POINT_SECONDS = 600.0
HELD_BACK_AFTER_BYTES = 36_000
"""A submission's command and the beginning of its archive come in one SSH packet of 32 KiB."""
LOST_SECONDS = 600.0


class FaultMissed(Exception):
    """A fault could not show what it is to show."""


@dataclass(frozen=True)
class Scene:
    """One trial: the house, its submission, and the chance that decides."""

    house: House
    watch: SubmissionWatch
    rng: random.Random

    @contextmanager
    def at(self, point: Point) -> Iterator[None]:
        """The block is run at a point of the submission. Raises FaultMissed when it never comes there.

        Unpacking lasts a millisecond. For that point the archive's rest is held back until the block is over.
        """
        is_held = point is Point.UNPACK_BEGUN
        if is_held:
            self.house.proxy.stall_after(Direction.UP, HELD_BACK_AFTER_BYTES)
        if not self.watch.wait(point, POINT_SECONDS):
            raise FaultMissed(f"no submission was ever {point}")
        yield
        if is_held:
            self.house.proxy.heal()

    def at_some_point(self) -> AbstractContextManager[None]:
        """The same at a point drawn by chance."""
        return self.at(self.rng.choice(list(Point)))

    def pause(self, shortest: float, longest: float) -> None:
        """A moment drawn by chance."""
        time.sleep(self.rng.uniform(shortest, longest))

    @contextmanager
    def frozen_slurmctld(self) -> Iterator[None]:
        """SIGSTOP it for as long as the block lasts."""
        lab = self.house.lab
        pid = lab.run("cat", "/run/slurm/slurmctld.pid").strip()
        lab.run("kill", "-STOP", pid)
        try:
            yield
        finally:
            lab.run("kill", "-CONT", pid)

    def kill_sshd_sessions(self) -> None:
        """SIGKILL the children of sshd that serve packtrain's connections."""
        lab = self.house.lab
        lines = [line.split(maxsplit=1) for line in lab.run("ps", "-e", "-o", "pid=,args=").splitlines()]
        pids = [pid for pid, name in lines if name.startswith("sshd") and "packtrain@notty" in name]
        lab.run("bash", "-c", 'kill -KILL "$@" 2>/dev/null || true', "kill", *pids)

    def stop_the_driver(self, point: Point) -> None:
        """SIGSTOP it for longer than its lease: another takes over, and once awake it finds that out by itself."""
        house = self.house
        name, before = house.driver(), house.database.driver()
        with self.at(point):
            log_size = house.log(name).stat().st_size
            house.database.freeze_between_writes(house.process(name))
        try:
            self.pause(LEASE_SECONDS + 1.0, LEASE_SECONDS + 4.0)
            until("other driver", lambda: self._has_another(before), LOST_SECONDS)
        finally:
            house.process(name).thaw()
        until(f"word of {name} that it lost its lease", lambda: self._has_lost(name, log_size), LOST_SECONDS)

    def _has_another(self, before: Driver) -> bool | None:
        now = self.house.database.driver()
        return (now.token > before.token and now.pid not in {None, before.pid}) or None

    def _has_lost(self, name: str, log_size: int) -> bool | None:
        with self.house.log(name).open("rb") as log:
            log.seek(log_size)
            return any(says_lost(line) for line in log) or None


def says_lost(line: bytes) -> bool:
    """Whether a line of a worker's log says that it lost a lease."""
    try:
        return bool(json.loads(line).get("action") == "lease_lost")
    except ValueError:
        return False
