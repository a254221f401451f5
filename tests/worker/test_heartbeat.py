"""A lease that cannot be relied on any more is said so, in the log and by the event."""

import logging
import threading
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease
from tuning.db.engine import open_engine, open_sessions
from worker import heartbeat
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


def test_an_error_nobody_foresaw_ends_no_heartbeat(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    beats, renewed_again = iter([ValueError("bad"), MemoryError()]), threading.Event()

    def renew(*_: object) -> None:
        if (error := next(beats, None)) is not None:
            raise error
        renewed_again.set()

    monkeypatch.setattr(heartbeat, "renew", renew)
    with kept(sessions, Lease("lab", "me", 1), 2.0) as lost:
        assert renewed_again.wait(5.0)
        assert not lost.is_set()
    said = [record.getMessage() for record in caplog.records]
    assert "the database did not take the heartbeat: bad" in said


def test_a_lease_is_renewed_once_a_cycle_at_least(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it the server judges whether the worker is there: with a long lease and short cycles too."""
    renewed = threading.Event()
    monkeypatch.setattr(heartbeat, "renew", lambda *_: renewed.set())
    monkeypatch.setattr(heartbeat, "SHORTEST_BEAT_SECONDS", 0.01)
    with kept(sessions, Lease("lab", "me", 1), 3600.0, cycle_seconds=0.01):
        assert renewed.wait(5.0)
