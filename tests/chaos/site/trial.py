"""Trial of a site fault: strike and take back, let every training end, judge by the witnesses."""

import random
import time
from collections.abc import Iterable
from contextlib import closing

from tests.chaos.audit import ACCOUNTING_SECONDS
from tests.chaos.house import House, until
from tests.chaos.site.desk import Desk
from tests.chaos.site.judge import Expected, Witnesses, check
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.nodes import OPEN
from tests.chaos.site.scene import SiteScene
from tests.chaos.site.stand_in import StandIn
from tests.e2e.site import ENDED

RECOVERY_SECONDS = 300.0


def play(house: House, token: str, prefix: str, rng: random.Random, fault: SiteFault) -> tuple[list[Expected], float]:
    """Strike; returns what must have become of each job, and the seconds from the fault's end to that of all jobs."""
    house.account(fault.accounting)
    stand_in = StandIn(house.lab, house.image)
    with closing(Desk(house.url, token)) as desk, stand_in.installed():
        scene = SiteScene(house, desk, stand_in, prefix, rng)
        scene.until_shell("open nodes", OPEN)
        fault.strike(scene)
        undone = time.monotonic()
        stand_in.let_all_go()
        _await_ends(house, prefix, scene.expected)
        until("cluster that is reached", lambda: desk.cluster()["unreachable_since"] is None or None, RECOVERY_SECONDS)
        return scene.expected, time.monotonic() - undone


def judge(house: House, prefix: str, expected: Iterable[Expected]) -> list[str]:
    """All that is wrong with a trial's jobs, once accounting has had time to hear of their ends."""
    deadline = time.monotonic() + ACCOUNTING_SECONDS
    while complaints := [complaint for job in expected for complaint in check(job, _found(house, prefix, job))]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.3)
    return complaints


def held_back(house: House, expected: Iterable[Expected]) -> int:
    """How many Slurm jobs there were beside those that ran."""
    stand_in = StandIn(house.lab, house.image)
    found = house.cluster.slurm_jobs("job_")
    ran = {line.slurm_job_id for job in expected for line in stand_in.lines(job.job_id) if line.word == "begin"}
    own = [job for job in found if any(job.name.startswith(f"{wanted.job_id}-") for wanted in expected)]
    return sum(job.id not in ran for job in own)


def _await_ends(house: House, prefix: str, expected: Iterable[Expected]) -> None:
    wanted = {job.job_id for job in expected}

    def all_ended() -> bool | None:
        rows = [row for row in house.database.jobs(prefix) if row.id in wanted]
        waiting.clear()
        waiting.extend(f"{row.id} is {row.status} ({row.reason})" for row in rows if row.status not in ENDED)
        return (len(rows) == len(wanted) and not waiting) or None

    waiting: list[str] = []
    try:
        until("end of every job", all_ended, RECOVERY_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {waiting}") from error


def _found(house: House, prefix: str, job: Expected) -> Witnesses:
    row = next((row for row in house.database.jobs(prefix) if row.id == job.job_id), None)
    own = house.cluster.slurm_jobs(f"{job.job_id}-")
    lines = StandIn(house.lab, house.image).lines(job.job_id)
    return Witnesses(row, house.database.events(job.job_id), lines, own, house.cluster.claims(job.job_id))
