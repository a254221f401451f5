"""Faults of the machine of the service: an older database, a read-only one, clocks, a killed driver."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from tests.chaos import moved_clock
from tests.chaos.house import READY_SECONDS, until
from tests.chaos.site.desk import WAIT_SECONDS
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.nodes import DRAIN, RESUME
from tests.chaos.site.scene import SiteScene

NO_JUMP = "0"
JUMPS = {"forwards": "+3600", "backwards": "-3600"}


def service_faults() -> Iterator[SiteFault]:
    """Every one, once."""
    yield SiteFault("database restored from an older copy", _restored)
    yield SiteFault("database read-only", _read_only)
    yield SiteFault("driver killed beside runs, another takes over", _driver_killed, crew=2)
    for direction, seconds in JUMPS.items():
        yield SiteFault(f"worker's clock jumps {direction}", partial(_clock_jumps, seconds=seconds))


def _restored(scene: SiteScene) -> None:
    """At the copy three jobs were queued; since then one has ended, one runs, one waits in Slurm."""
    house = scene.house
    house.kill("worker-1")
    ended, runs, waits = (scene.order() for _ in range(3))
    copy = house.state / "older.db"
    _copy(house.database.file, copy)
    scene.desk.act(waits, "hold")
    house.refill()
    for job in (ended, runs):
        scene.begun(job)
    scene.stand_in.let_go(ended)
    scene.desk.wait_status(ended, "succeeded")
    scene.desk.wait_status(runs, "running")
    with scene.struck(DRAIN, RESUME):
        scene.desk.act(waits, "release")
        scene.desk.wait_status(waits, "pending")
        house.kill("server")
        house.kill("worker-1")
        for file in house.database.files():
            file.unlink()
        shutil.copyfile(copy, house.database.file)
        house.staff(1)
        scene.desk.wait_status(ended, "succeeded")
        scene.desk.wait_status(runs, "running")
        scene.desk.wait_status(waits, "pending")
    scene.begun(waits)


def _read_only(scene: SiteScene) -> None:
    """No page of it can be written; what runs goes on, what is asked for is refused until it can."""
    runs, ends = scene.running(), scene.running()
    with _immutable(scene.house.database.files()):
        until("refusal", scene.desk.refuses_writing, WAIT_SECONDS)
        scene.stand_in.let_go(ends)
        scene.until_shell("end in Slurm", f"! squeue -h -o %j | grep -q {ends}")
        scene.lives(runs)
    scene.desk.wait_status(ends, "succeeded")
    scene.begun(scene.order())


def _driver_killed(scene: SiteScene) -> None:
    runs = scene.running()
    with scene.struck(DRAIN, RESUME):
        waits = scene.order()
        scene.desk.wait_status(waits, "pending")
        killed = scene.house.driver()
        scene.house.kill(killed)
        until("other driver", lambda: scene.house.driver() != killed or None, READY_SECONDS)
        scene.lives(runs)
    scene.begun(waits)
    scene.house.refill()


def _clock_jumps(scene: SiteScene, seconds: str) -> None:
    """By an hour, in the middle of runs and under the worker's feet; then back."""
    clock = scene.house.state / "clock"
    _set(clock, NO_JUMP)
    with scene.house.worker_with(**{moved_clock.VARIABLE: str(clock)}):
        runs = [scene.running() for _ in range(2)]
        for now in (seconds, NO_JUMP):
            _set(clock, now)
            waits = scene.order()
            scene.begun(waits)
            scene.desk.wait_status(waits, "running")
            scene.lives(*runs)


def _set(clock: Path, seconds: str) -> None:
    """At once: a reader finds the old text or the new one."""
    part = clock.with_suffix(".part")
    part.write_text(seconds, encoding="utf-8")
    part.rename(clock)


def _copy(file: Path, to: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@contextmanager
def _immutable(files: Sequence[Path]) -> Iterator[None]:
    """As a file system that has become read-only: also for those who have them open. Not the memory that is shared."""
    fixed = [str(file) for file in files if not file.name.endswith("-shm")]
    subprocess.run(["chattr", "+i", *fixed], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *fixed], check=True)
