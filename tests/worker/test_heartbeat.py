"""A lease that cannot be relied on any more is said so, in the log and by the event."""

import logging
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease
from tuning.db import open_engine, open_sessions
from worker.heartbeat import kept

LEASE_SECONDS = 0.2


def lost_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "action", None) == "lease_lost"]


def test_a_lease_that_another_worker_has_is_lost(
    sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture
) -> None:
    with kept(sessions, Lease("lab", "me", 1), LEASE_SECONDS) as lost:
        assert lost.wait(5.0)
    assert lost_of(caplog) == ["another worker drives the cluster lab now"]


def test_a_lease_that_could_not_be_renewed_in_time_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/gone/packtrain.db")
    caplog.set_level(logging.WARNING)
    with kept(open_sessions(engine), Lease("lab", "me", 1), LEASE_SECONDS) as lost:
        assert lost.wait(5.0)
    engine.dispose()
    assert lost_of(caplog) == ["the lease of lab was not renewed in time"]
