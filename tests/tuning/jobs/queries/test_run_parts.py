"""Ended runs: the part of their limits that people's last ones took, and the GPUs that came free since a moment."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.jobs.models import Job
from tuning.jobs.queries.run_parts import GivenBack, gpus_given_back, run_parts
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User
from tuning.queue.run_length import MOST_PARTS
from tuning.queue.waiting_job import Person


def ended(session: Session, owner: User, minutes: float, number: int = 0, **changes: Any) -> Job:
    columns: dict[str, Any] = {
        "status": JobStatus.SUCCEEDED,
        "limit_seconds": 3600,
        "created_at": NOON + timedelta(seconds=number),
        "started_at": NOON - timedelta(minutes=minutes),
        "finished_at": NOON,
        **changes,
    }
    return make_job(session, owner, **columns)


def test_parts_are_by_person_the_newest_last(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    ended(session, ada, 15, number=1)
    ended(session, ada, 30, number=2)
    ended(session, bob, 6)
    assert run_parts(session, "lab") == {Person(LAB_TEAM_ID, ada.id): [0.25, 0.5], Person(LAB_TEAM_ID, bob.id): [0.1]}


def test_a_clock_that_jumped_gives_a_part_of_one_or_none(session: Session) -> None:
    ada = make_user(session)
    ended(session, ada, 600, number=1)
    ended(session, ada, -5, number=2)
    assert list(run_parts(session, "lab").values()) == [[1.0, 0.0]]


def test_only_runs_that_succeeded_on_the_cluster_count(session: Session) -> None:
    ada = make_user(session)
    ended(session, ada, 5, status=JobStatus.FAILED)
    ended(session, ada, 5, cluster="other")
    ended(session, ada, 5, limit_seconds=0)
    ended(session, ada, 5, started_at=None)
    assert run_parts(session, "lab") == {}


def test_only_the_last_runs_are_kept(session: Session) -> None:
    ada = make_user(session)
    for number in range(MOST_PARTS + 2):
        ended(session, ada, number, number=number)
    (parts,) = run_parts(session, "lab").values()
    assert (len(parts), parts[0] * 60, parts[-1] * 60) == (MOST_PARTS, 2, MOST_PARTS + 1)


def test_gpus_given_back_are_of_runs_that_ended_since(session: Session) -> None:
    ada = make_user(session)
    since = NOON - timedelta(minutes=10)
    for change in (
        {},
        {"partition": "big"},
        {"cluster": "other"},
        {"started_at": NOON},
        {"finished_at": since - timedelta(days=1)},
    ):
        ended(session, ada, 30, gpus=2, updated_at=NOON, **change)
    assert set(gpus_given_back(session, "lab", since)) == {GivenBack("", 2), GivenBack("big", 2)}


def test_gpus_given_back_are_told_with_the_type_and_the_nodes_of_their_runs(session: Session) -> None:
    ada, since = make_user(session), NOON - timedelta(minutes=10)
    for nodes, resources in (("a1", {}), ("a1", {}), ("v1", {"gpu_type": "v100"}), (None, {"gpu_type": "v100"})):
        job = ended(session, ada, 30, gpus=2, updated_at=NOON, attempt=2, resources=resources)
        make_attempt(session, job, nodes="old")
        make_attempt(session, job, number=2, nodes=nodes)
    assert set(gpus_given_back(session, "lab", since)) == {
        GivenBack("", 4, None, "a1"),
        GivenBack("", 2, "v100", "v1"),
        GivenBack("", 2, "v100", None),
    }
