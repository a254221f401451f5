"""Rows of the queue: who waits, what runs, and shares of those who have jobs."""

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.jobs.queries.queue.standing import queue_rows
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, Membership, Team
from tuning.queue.waiting_job import JobClass, Person
from tuning.usage.models import DecayedUse

NOW = NOON.timestamp()


def test_waiting_jobs_are_those_of_the_cluster_that_want_to_run(session: Session) -> None:
    ada = make_user(session)
    job = make_job(session, ada, job_class="urgent", gpus=8, limit_seconds=60, priority=3, queued_at=NOON)
    make_job(session, ada, status=JobStatus.HELD)
    make_job(session, ada, cluster="other")
    make_job(session, ada, cancel_requested_at=NOON)
    (row,) = queue_rows(session, "lab").waiting
    assert (row.job.id, row.job.person) == (job.id, Person(LAB_TEAM_ID, ada.id))
    assert (row.job.gpus, row.job.limit_seconds, row.job.queued_at) == (8, 60, NOW)
    assert (row.job.job_class, row.job.priority, row.status) == (JobClass.URGENT, 3, JobStatus.QUEUED)


def test_a_job_without_a_time_of_queueing_waits_since_it_was_made(session: Session) -> None:
    make_job(session, make_user(session))
    assert queue_rows(session, "lab").waiting[0].job.queued_at == NOW


def test_running_jobs_hold_gpus_since_their_present_attempt_began(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.RUNNING, attempt=2, gpus=2, limit_seconds=90)
    make_attempt(session, job, started_at=NOON - timedelta(days=2))
    make_attempt(session, job, number=2, started_at=NOON)
    (row,) = queue_rows(session, "lab").running
    assert (row.job_id, row.gpus, row.limit_seconds, row.started_at) == (job.id, 2, 90, NOW)


def test_shares_are_of_those_who_have_jobs_or_had_some(session: Session) -> None:
    ada, bob, _idle = (make_user(session, name=name) for name in ("ada", "bob", "idle"))
    session.add(Team(id="team_mt", name="mt", shares=4, created_at=NOON))
    session.flush()
    session.add(Membership(team_id="team_mt", user_id=ada.id, shares=2, created_at=NOON))
    make_job(session, ada, team_id="team_mt")
    session.add(
        DecayedUse(
            user_id=bob.id, team_id=LAB_TEAM_ID, cluster="lab", at=NOON, gpu_seconds=9.0, slowdowns=2.0, jobs=1.0
        )
    )
    session.flush()
    rows = queue_rows(session, "lab")
    assert [(team.name, team.shares, dict(team.members)) for team in rows.teams] == [
        (LAB_TEAM_ID, 1, {bob.id: 1}),
        ("team_mt", 4, {ada.id: 2}),
    ]
    assert rows.standings(NOW, 3600.0)[Person(LAB_TEAM_ID, bob.id)].used_gpu_seconds == 9.0


def test_who_left_a_team_has_no_share_of_it(session: Session) -> None:
    ada = make_user(session)
    make_job(session, ada, team_id="team_gone")
    (team,) = queue_rows(session, "lab").teams
    assert (team.name, team.shares, dict(team.members)) == ("team_gone", 0, {ada.id: 0})


def test_of_too_many_waiting_jobs_everybody_has_some(session: Session) -> None:
    many, few = make_user(session, name="many"), make_user(session, name="few")
    for _ in range(10):
        make_job(session, many)
    own = make_job(session, few)
    waiting = queue_rows(session, "lab", 4).waiting
    assert len(waiting) == 4
    assert own.id in {row.job.id for row in waiting}


def test_the_type_that_a_job_asks_for_is_told_and_the_nodes_of_a_run(session: Session) -> None:
    ada = make_user(session)
    make_job(session, ada, resources={"gpu_type": "a100"})
    job = make_job(session, ada, status=JobStatus.RUNNING, attempt=1, resources={"gpu_type": None})
    make_attempt(session, job, started_at=NOON, nodes="gpu[1-2]")
    rows = queue_rows(session, "lab")
    assert [row.job.gpu_type for row in rows.waiting] == ["a100"]
    assert [(row.gpu_type, row.nodes) for row in rows.running] == [(None, "gpu[1-2]")]
