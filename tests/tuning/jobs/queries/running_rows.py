"""Running jobs as rows of the queue, made up."""

from typing import Any

from tests.factories import NOON
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.queue.waiting_job import JobClass, Person


def running(gpus: int, began_seconds_ago: float = 100, **columns: Any) -> RunningRow:
    """A training of an hour's limit on so many GPUs of the partition `gpu`."""
    values: dict[str, Any] = {
        "expected_end_at": None,
        "eta_low_seconds": None,
        "eta_high_seconds": None,
        "observed_at": None,
    }
    values |= {"partition": "gpu", "limit_seconds": 3600, "kind": "train", "is_ending": False, **columns}
    started_at = NOON.timestamp() - began_seconds_ago
    return RunningRow(
        job_id="j", person=Person("t", "a"), job_class=JobClass.NORMAL, gpus=gpus, started_at=started_at, **values
    )
