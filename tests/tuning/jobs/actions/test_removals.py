"""What is to leave a cluster."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.jobs.actions.removals import (
    Unwanted,
    ask_removal,
    forget_removed,
    secrets_path,
    surplus,
    unwanted_paths,
    wanted_removals,
)
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Artifact
from tuning.jobs.status import JobStatus


@given(st.sets(st.integers(1, 10_000)), st.integers(0, 20))
def test_the_newest_stay(steps: set[int], keep: int) -> None:
    gone = surplus(steps, keep)
    left = steps - set(gone)
    assert len(left) == min(keep, len(steps))
    assert all(one < other for one in gone for other in left)


def test_a_wish_is_there_until_it_is_carried_out(session: Session) -> None:
    job = make_job(session, make_user(session))
    for step in (1, 10):
        session.add(Artifact(job_id=job.id, path=f"checkpoint-{step}/a", size_bytes=1, modified_at=NOON))
    ask_removal(session, job.id, checkpoint_path(1), NOON)
    ask_removal(session, job.id, checkpoint_path(1), NOON)
    ask_removal(session, job.id, secrets_path(1), NOON)
    assert wanted_removals(session, "lab", 10) == [
        Unwanted(job.id, "1/secrets"),
        Unwanted(job.id, "output/checkpoint-1"),
    ]
    assert wanted_removals(session, "other", 10) == []
    forget_removed(session, wanted_removals(session, "lab", 10), NOON)
    assert unwanted_paths(session, job.id) == frozenset()
    assert session.scalars(select(Artifact.path)).all() == ["checkpoint-10/a"], "of 1, not of 10"


@pytest.mark.parametrize("use", ["source", "resume"])
def test_a_checkpoint_that_a_job_still_needs_stays_until_its_end(session: Session, use: str) -> None:
    user = make_user(session)
    source = make_job(session, user, status=JobStatus.SUCCEEDED)
    named: dict[str, Any] = {f"{use}_job": source.id, f"{use}_checkpoint": 1}
    based = make_job(session, user, status=JobStatus.QUEUED, **named)
    for step in (1, 10):
        ask_removal(session, source.id, checkpoint_path(step), NOON)
    assert wanted_removals(session, "lab", 10) == [Unwanted(source.id, "output/checkpoint-10")]
    based.status = JobStatus.FAILED
    session.flush()
    assert len(wanted_removals(session, "lab", 10)) == 2
