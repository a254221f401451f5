"""Made-up orders and runs of a day, for the tests of what is found about it."""

from tests.lab_of_people.crowd import Person, Wanted
from tests.lab_of_people.day import Ordered
from tests.lab_of_people.limits import OwnedRun
from tests.lab_of_people.slurm_records import SlurmRun


def run(
    job_id: str, start: float | None, end: float, *, person: str = "ada", team: str = "mt", gpus: int = 1,
    job_class: str = "normal", partition: str = "gpu", cluster: str = "lab", handed: float | None = None,
) -> OwnedRun:  # fmt: skip
    """A submission, handed over as it started unless another time is said."""
    submitted_at = handed if handed is not None else (start or 0.0)
    slurm = SlurmRun(job_id, 1, 7, "COMPLETED", submitted_at, start, end, gpus, partition)
    return OwnedRun(slurm, person, team, job_class, cluster)


def order(job_id: str, at: float, *, person: str = "ada", team: str = "mt", priority: int = 0) -> Ordered:
    """An accepted order."""
    wanted = Wanted(job_id, 1.0, "lab", priority=priority)
    return Ordered(job_id, Person(person, team, "http://127.0.0.1", "a token"), wanted, at)
