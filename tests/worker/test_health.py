"""The health check of a worker's container."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_cluster_settings
from tuning.clusters.attendance import WorkerSign
from tuning.clusters.lease import acquire, ensure_row
from tuning.db.engine import transaction
from worker.health import main, missing_workers

CLUSTERS = {name: make_cluster_settings(name=name, poll_interval_seconds=2.0) for name in ("lab", "far", "new")}


def test_each_cluster_without_a_worker_is_told() -> None:
    signs = [
        WorkerSign("lab", 1, NOON + timedelta(seconds=30), NOON, is_unreachable=False),
        WorkerSign("far", 1, None, NOON - timedelta(minutes=5), is_unreachable=False),
    ]
    assert list(missing_workers(CLUSTERS, signs, 30.0, NOON)) == [
        "no worker drives the cluster far since 2026-11-21 11:55:00 UTC",
        "no worker has ever driven the cluster new",
    ]


def test_a_cluster_with_a_worker_is_healthy() -> None:
    sign = WorkerSign("lab", 1, NOON + timedelta(seconds=30), None, is_unreachable=True)
    assert list(missing_workers({"lab": CLUSTERS["lab"]}, [sign], 30.0, NOON)) == []


def test_the_program_ends_with_what_is_wrong(
    sessions: sessionmaker[Session], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions) as session:
        ensure_row(session, "lab")
        acquire(session, "lab", "w", NOON, 30.0)
    file = tmp_path / "clusters.toml"
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", database_url)
    monkeypatch.setenv("PACKTRAIN_CLUSTERS_FILE", str(file))
    with pytest.raises(SystemExit, match=r"clusters\.toml"):
        main()
    place = 'host = "h"\nuser = "u"\nkey_file = "k"\nknown_hosts_file = "h"\nroot = "/r"\nimage = "/i"\n'
    file.write_text(f"[clusters.lab]\n{place}", encoding="utf-8")
    with pytest.raises(SystemExit, match="no worker drives the cluster lab since"):
        main()
