"""packtrain recover, on a cluster of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.commands import recover as command
from packtrain.cli.main import app
from tests.ops.recover.lost_database import LostDatabase
from tuning.people.audit import AuditFilter, entries
from tuning.settings import ClusterSettings
from tuning.ssh.transport import Transport


@pytest.fixture
def lost(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> LostDatabase:
    """Its cluster is that of the clusters file, its empty database that of the settings."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", f"sqlite:///{tmp_path / 'after.db'}")
    monkeypatch.setenv("PACKTRAIN_DATA_DIR", str(tmp_path / "data"))
    lost = LostDatabase(tmp_path, sqlite_template)

    @contextmanager
    def login(_settings: ClusterSettings) -> Iterator[Transport]:
        yield lost.transport

    monkeypatch.setattr(command, "login", login)
    monkeypatch.setattr(command, "cluster_settings", lambda _name: lost.settings)
    return lost


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["recover", "lab", *words])


def test_it_shows_first_and_writes_with_apply(lost: LostDatabase) -> None:
    job_id, damaged = lost.submit("grace", name="wmt ja-en"), lost.submit("alan")
    (lost.folder(damaged) / "config.yaml").unlink()
    lost.queue({job_id: "PENDING"})
    for words in ((), ("--apply",)):
        shown = run(*words)
        assert shown.exit_code == 0
        row = next(line for line in shown.stdout.splitlines() if line.startswith(job_id))
        assert [word in row for word in ("wmt ja-en", "grace", str(lost.slurm_id(job_id)), "waits (PENDING)")] == [
            True
        ] * 4
        assert f"skipped {damaged}: " in shown.stderr
        assert ("nothing was written" in shown.stderr) == (words == ())
    assert "no jobs to recover" in run("--apply").stderr
    assert lost.job(job_id).name == "wmt ja-en"
    with lost.after() as session:
        (entry,) = entries(session, AuditFilter(), 9)
    assert (entry.actor, entry.action, entry.subject) == ("operator", "job.recovered", job_id)
    assert entry.after == {"name": "wmt ja-en", "owner": "grace", "state": "waits"}


def test_a_worker_that_drives_the_cluster_is_told(lost: LostDatabase) -> None:
    lost.driver(lost.after)
    refused = run("--apply")
    assert (refused.exit_code, "drives lab" in refused.stderr) == (1, True)
    assert len(refused.stderr.splitlines()) == 2
