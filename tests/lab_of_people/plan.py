"""Plan of a lab's day: its clusters, teams and limits, and the jobs that each person wants, drawn by chance. Pure."""

import random
from collections.abc import Iterator, Sequence

from tests.lab_of_people.crowd import Team, Wanted
from tests.lab_of_people.limits import EACH, LabLimit
from tests.lab_of_people.service import GpuCluster

CLUSTERS = (GpuCluster("lab", 8), GpuCluster("annex", 8))
SHARES = {"mt": 30, "asr": 25, "vision": 20, "nlp": 15, "robots": 10}
MEMBERS = 6
PAIRED, CAPPED = "mt-1", "asr-1"
"""People with limits of their own."""
CAPPED_HOURS = LabLimit("user", CAPPED, "gpu_hours_30_days", 0.15)
LIMITS = (
    LabLimit("user", EACH, "running_jobs", 6),
    LabLimit("user", PAIRED, "running_jobs", 2),
    LabLimit("user", EACH, "running_jobs", 1, job_class="urgent"),
    LabLimit("team", EACH, "gpus", 22),
    LabLimit("team", "vision", "gpus", 10, cluster="annex"),
    LabLimit("everybody", "", "gpus", 4, partition="short"),
    CAPPED_HOURS,
)
GPUS = (1,) * 14 + (2,) * 5 + (4,)
SHORTEST_SECONDS, LONGEST_SECONDS = 3.0, 9.0
_URGENT, _SHORT, _PRIORITY = 0.02, 0.05, 0.2
"""Parts of the jobs that are urgent, that ask for the partition `short`, and that their owner puts first."""


def teams() -> list[Team]:
    """Five teams of six people each."""
    members = range(1, MEMBERS + 1)
    return [Team(name, shares, [f"{name}-{number}" for number in members]) for name, shares in SHARES.items()]


def jobs(people: Sequence[str], per_person: int, rng: random.Random) -> Iterator[tuple[str, Wanted]]:
    """A job for each person in turn, until each has so many; half of them on each cluster."""
    for number in range(per_person):
        cluster = CLUSTERS[number % len(CLUSTERS)].name
        for person in people:
            yield person, _job(f"{person}-{number}", cluster, rng)


def _job(name: str, cluster: str, rng: random.Random) -> Wanted:
    is_short, is_urgent = rng.random() < _SHORT, rng.random() < _URGENT
    return Wanted(
        name=name,
        seconds=round(rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), 1),
        cluster=cluster,
        gpus=1 if is_short else rng.choice(GPUS),
        partition="short" if is_short else "gpu",
        job_class="urgent" if is_urgent else "normal",
        priority=5 if rng.random() < _PRIORITY else 0,
    )
