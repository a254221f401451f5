"""Expected starts of a queue of several people, beside what `squeue --start` says of the same jobs at the same time."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from container import lab
from container.steps import say
from packtrain.client import Packtrain
from packtrain.schema import QueueEntry
from tests.e2e.site import ENDED, wait_for
from tests.lab_of_people.crowd import Person, Team, Wanted, gather
from tests.lab_of_people.forecasts import Told, accuracy
from tests.lab_of_people.service import GpuCluster, Service, running
from tests.lab_of_people.slurm_records import slurm_runs

TEAMS = (Team("mt", 2, ["ada", "bob"]), Team("asr", 1, ["cleo", "dan"]))
JOBS = 20
"""Of each person; a few of them have run before the first look."""
SHORTEST_SECONDS, LONGEST_SECONDS, LIMIT = 10.0, 40.0, "00:04:00"
"""People ask for four to twenty times as much as they need."""
BEFORE, LOOK_SECONDS = 12, 10.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A cluster of eight GPUs."""
    with running(tmp_path, [GpuCluster("lab", 4)]) as service:
        yield service


def jobs(rng: random.Random) -> Iterator[Wanted]:
    """The jobs of a person."""
    for number in range(JOBS):
        seconds = round(rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), 1)
        yield Wanted(f"{number}", seconds, "lab", gpus=rng.choice((1, 1, 2)), time_limit=LIMIT)


def order_all(people: Sequence[Person], rng: random.Random) -> None:
    """A job of each in turn."""
    with httpx.Client(trust_env=False) as client:
        for wanted in zip(*(jobs(rng) for _ in people), strict=True):
            for person, each in zip(people, wanted, strict=True):
                person.order(each, client)


def slurm_starts(cluster: lab.Lab) -> dict[int, float]:
    """Starts that Slurm expects, by its numbers; it tells none of jobs that it has not looked at yet."""
    text = cluster.run("env", "SLURM_TIME_FORMAT=%s", "squeue", "--start", "-a", "-h", "-o", "%i %S")
    pairs = (line.split() for line in text.splitlines())
    return {int(number): float(start) for number, start in pairs if start.isdecimal()}


def look(client: Packtrain, cluster: lab.Lab) -> list[Told]:
    """Everything that is told of the queue now."""
    at, page, by_slurm = time.time(), client.queue(limit=500), slurm_starts(cluster)
    inside = (entry["job_id"] for entry in page["data"] if entry["status"] == "pending")
    numbers = {job_id: client.job(job_id)["slurm_job_id"] for job_id in inside}
    starts = {job_id: by_slurm.get(number or 0) for job_id, number in numbers.items()}
    return [told for entry in page["data"] if (told := as_told(entry, at, starts)) is not None]


def as_told(entry: QueueEntry, at: float, by_slurm: Mapping[str, float | None]) -> Told | None:
    """None where no start is told."""
    times = (entry["expected_start_at"], entry["expected_start_low_at"], entry["expected_start_high_at"])
    known = [datetime.fromisoformat(moment).timestamp() for moment in times if moment is not None]
    if len(known) != len(times):
        return None
    expected, low, high = known
    return Told(entry["job_id"], at, expected, low, high, by_slurm.get(entry["job_id"]))


def test_expected_starts_are_nearer_than_slurms_and_within_their_bounds(service: Service) -> None:
    seed = 16
    told: list[Told] = []
    with service.site.client() as client:
        people = gather(client, service.site.env()["PACKTRAIN_URL"], TEAMS)
        order_all(people, random.Random(seed))  # noqa: S311 (not a secret)
        wait_for("first ends", lambda: ended(client) >= BEFORE or None)
        while client.queue(limit=1)["data"]:
            told += look(client, service.labs["lab"])
            time.sleep(LOOK_SECONDS)
        wait_for("all ends", lambda: ended(client) == len(people) * JOBS or None)
    starts = {run.job_id: run.started_at for run in slurm_runs(service.labs["lab"]) if run.started_at is not None}
    everything = accuracy(told, starts)
    inside = accuracy([each for each in told if each.by_slurm is not None], starts)
    say(f"all that waited: {everything}")
    say(f"what waited inside Slurm: {inside}")
    assert everything.within_bounds >= 0.8
    assert inside.within_bounds >= 0.8
    assert inside.mean_error_seconds_by_slurm
    assert inside.mean_error_seconds <= inside.mean_error_seconds_by_slurm / 2


def ended(client: Packtrain) -> int:
    """Jobs that have ended."""
    return len(client.jobs(limit=500, status=list(ENDED))["data"])
