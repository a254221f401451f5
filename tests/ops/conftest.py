"""The text of /metrics, with something of everything in it."""

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job, make_user
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Trouble
from tuning.jobs.status import JobStatus


@pytest.fixture
def metrics_text(anonymous: TestClient, sessions: sessionmaker[Session]) -> str:
    """What a server shows Prometheus that has jobs, a failure and a trouble."""
    with transaction(sessions) as session:
        owner = make_user(session)
        make_job(session, owner)
        failure = {"code": "node_fail", "message": "m"}
        make_job(session, owner, status=JobStatus.FAILED, finished_at=NOON, failure=failure)
        make_job(session, owner, status=JobStatus.RUNNING)
        budget = {"commands": 9, "uploads": 1, "minute": 4, "limit": 60}
        session.add(ClusterRow(name="lab", lease_token=1, reached_at=NOON, commands=budget, snapshot={"free_bytes": 9}))
        words = {"step": "watch", "subject": "", "error": "E", "message": "m", "trace": "", "failures": 1}
        session.add(Trouble(cluster="lab", since=NOON, next_try_at=NOON, **words))
    anonymous.get("/healthz")
    return anonymous.get("/metrics").text
