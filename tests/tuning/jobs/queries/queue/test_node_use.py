"""GPUs of our own runs by node."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.jobs.queries.queue.node_use import OwnGpus, own_gpus
from tuning.jobs.status import JobStatus
from tuning.people.models import User

BEFORE = NOON - timedelta(minutes=10)


def run(session: Session, owner: User, nodes: str | None, gpus: int, began: Any = BEFORE, **columns: Any) -> None:
    values = {"status": JobStatus.RUNNING, "attempt": 1, "gpus": gpus, "started_at": began, **columns}
    make_attempt(session, make_job(session, owner, **values), nodes=nodes, started_at=began)


def test_gpus_of_several_nodes_are_shared_out(session: Session) -> None:
    run(session, make_user(session), "gpu[1-2]", 5)
    assert own_gpus(session, "lab", NOON) == {"gpu1": OwnGpus(3, 3), "gpu2": OwnGpus(2, 2)}


def test_a_run_that_began_since_counts_now_alone(session: Session) -> None:
    run(session, make_user(session), "gpu1", 4, NOON + timedelta(seconds=1))
    assert own_gpus(session, "lab", NOON) == {"gpu1": OwnGpus(4, 0)}


def test_a_run_that_ended_since_counts_for_then_alone(session: Session) -> None:
    after = NOON + timedelta(seconds=5)
    run(session, make_user(session), "gpu1", 4, status=JobStatus.SUCCEEDED, finished_at=after, updated_at=after)
    assert own_gpus(session, "lab", NOON) == {"gpu1": OwnGpus(0, 4)}


def test_other_clusters_and_runs_without_a_node_do_not_count(session: Session) -> None:
    ada = make_user(session)
    run(session, ada, "gpu1", 4, cluster="other")
    run(session, ada, None, 4)
    run(session, ada, "gpu1", 2, status=JobStatus.PENDING)
    assert own_gpus(session, "lab", NOON) == {}
