"""The window of a partition: few of several people's jobs wait inside Slurm, and what fell behind is taken back."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job
from tests.e2e.site import wait_for, wait_status
from tests.lab_of_people.crowd import Person, Team, Wanted, gather
from tests.lab_of_people.measures import peak
from tests.lab_of_people.service import GpuCluster, Service, running
from tests.lab_of_people.sleeper import lines
from tests.lab_of_people.slurm_records import SlurmRun, slurm_runs

WINDOW, GPUS, JOBS = 3, 4, 12
TEAMS = (Team("mt", 1, ["ada"]), Team("asr", 3, ["bob"]))
FILLING_SECONDS = 1200.0
"""Far more than the rest takes; they are cancelled then."""
SEEN_SECONDS = 10.0
"""A few cycles, in which nothing more may be handed over."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A cluster of four GPUs with a short window."""
    with running(tmp_path, [GpuCluster("lab", GPUS // 2, f"window_jobs = {WINDOW}")]) as service:
        yield service


def order(person: Person, count: int, seconds: float) -> list[str]:
    """So many jobs of a person; their ids."""
    with httpx.Client(trust_env=False) as client:
        wanted = (Wanted(f"{seconds:g}-s-{number}", seconds, "lab", time_limit="30") for number in range(count))
        return [person.order(each, client) for each in wanted]


def wait_all(client: Packtrain, job_ids: list[str], *wanted: str) -> list[Job]:
    return [wait_status(client, job_id, *wanted) for job_id in job_ids]


def in_slurm_at_once(runs: Sequence[SlurmRun], filling: Sequence[Job], his: Sequence[str]) -> float:
    """The most that waited inside Slurm of what was handed over since he ordered, while there was no GPU free."""
    filling_ids = {job["id"] for job in filling}
    first = min(run.slurm_job_id for run in runs if run.job_id in his)  # times are of whole seconds
    until = min(run.ended_at for run in runs if run.job_id in filling_ids and run.ended_at is not None)
    own = (run.waiting for run in runs if run.slurm_job_id >= first and run.submitted_at < until)
    return peak(span for span in own if span is not None)


def starts(runs: Sequence[SlurmRun], job_ids: Sequence[str]) -> list[float]:
    """Times at which the jobs began, the first first."""
    return sorted(run.started_at for run in runs if run.job_id in job_ids and run.started_at is not None)


def test_few_jobs_of_several_people_wait_inside_slurm_and_others_are_taken_back(service: Service) -> None:
    with service.site.client() as client:
        ada, bob = gather(client, service.site.env()["PACKTRAIN_URL"], TEAMS)
        filling = wait_all(client, order(ada, GPUS, FILLING_SECONDS), "running")
        hers = order(ada, JOBS, 1)
        wait_all(client, hers, "pending")  # she is alone, so there is nobody to be fair to
        his = order(bob, JOBS, 1)
        taken_back = wait_for("jobs taken back", lambda: queued(client, hers))
        assert [job["status"] for job in map(client.job, his)].count("pending") == WINDOW, "his come first"
        time.sleep(SEEN_SECONDS)
        for job in filling:
            client.cancel(job["id"])
        wait_all(client, [*his, *hers], "succeeded")
    runs = slurm_runs(service.labs["lab"])
    began = Counter(line.job_id for line in lines(service.labs["lab"]) if line.word == "begin")
    assert began == dict.fromkeys([*(job["id"] for job in filling), *his, *hers], 1)
    assert in_slurm_at_once(runs, filling, his) <= WINDOW
    assert starts(runs, his)[WINDOW - 1] <= min(starts(runs, [job["id"] for job in taken_back]))


def queued(client: Packtrain, job_ids: list[str]) -> list[Job] | None:
    """All that are not inside Slurm any more, once none of them could be taken back further."""
    jobs = [client.job(job_id) for job_id in job_ids]
    back = [job for job in jobs if job["status"] == "queued"]
    return back if len(back) >= JOBS - WINDOW else None
