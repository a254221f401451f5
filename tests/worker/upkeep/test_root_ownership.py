"""A root on a cluster has one owner: another installation, or a copy of the database, is noticed and refused."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds, make_cluster_settings
from tests.local_transport import LocalTransport
from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow, Installation
from tuning.db.engine import transaction
from tuning.errors import ForeignRoot
from tuning.slurm.cluster import Cluster
from worker.driver import Driver
from worker.upkeep import root_ownership
from worker.upkeep.root_ownership import STANDSTILL_SECONDS, RootOwnership

SINFO = """#!/bin/bash
echo "slurm 24.11.5"
"""


class Site:
    """A cluster's root, and the driver of an installation over it."""

    def __init__(self, world: World, sessions: sessionmaker[Session], folder: Path) -> None:
        self.root, self.sessions, self.seconds = folder / "packtrain", sessions, Seconds()
        settings = make_cluster_settings(root=str(self.root))
        self.transport = LocalTransport()
        self.driver = replace(world.driver, settings=settings, cluster=Cluster(settings, self.transport))

    def ownership(self, worker: str = "far:1", driver: Driver | None = None) -> RootOwnership:
        """Of a worker that has just begun."""
        driver = driver or self.driver
        driver.owns_root.clear()
        return RootOwnership(replace(driver, lease=replace(driver.lease, owner=worker)), self.seconds)

    def owner(self) -> dict[str, str]:
        lines = (self.root / "owner").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def sign_as(self, installation: str | None = None, sign: str = "another", worker: str = "away:9") -> None:
        """Somebody else leaves a sign."""
        text = f"installation={installation or self.owner()['installation']}\nsign={sign}\nby={worker}\n"
        self.root.mkdir(exist_ok=True)
        (self.root / "owner").write_text(text)


@pytest.fixture
def site(world: World, sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "bin").mkdir()
    sinfo = tmp_path / "bin" / "sinfo"
    sinfo.write_text(SINFO)
    sinfo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    found = Site(world, sessions, tmp_path)
    found.driver.cluster.prepare()
    return found


@pytest.fixture
def living() -> Iterator[str]:
    """A worker of this machine that lives: what its command line says."""
    program = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program, "worker"], stdin=subprocess.PIPE) as process:
        yield f"{socket.gethostname()}:{process.pid}"
        assert process.stdin
        process.stdin.close()


def test_a_root_without_an_owner_is_taken_and_signed_anew_each_time(site: Site) -> None:
    ownership = site.ownership()
    inventory = ownership.described()
    assert inventory
    assert inventory.slurm_version == "24.11.5"
    first = site.owner()
    ownership.described()
    second = site.owner()
    assert first["installation"] == second["installation"]
    assert first["sign"] != second["sign"]
    assert second["by"] == "far:1"
    assert site.driver.owns_root.is_set()


def test_another_worker_of_the_same_database_goes_on(site: Site) -> None:
    site.ownership().described()
    site.ownership("other:2").described()
    assert site.owner()["by"] == "other:2"


def test_a_foreign_root_is_refused_until_its_owner_is_removed(site: Site) -> None:
    site.sign_as("inst_other")
    ownership = site.ownership()
    for _ in range(3):
        with pytest.raises(ForeignRoot, match=f"belongs to another packtrain.*remove {site.root}/owner"):
            ownership.described()
        site.seconds.now += STANDSTILL_SECONDS
    assert site.owner()["sign"] == "another"
    assert not site.driver.owns_root.is_set()
    (site.root / "owner").unlink()
    ownership.described()
    assert site.driver.owns_root.is_set()


def test_a_worker_that_sees_a_foreign_sign_stops_until_it_stands_still(site: Site) -> None:
    ownership = site.ownership()
    ownership.described()
    for sign in ("one", "two", "three"):
        site.sign_as(sign=sign)
        with pytest.raises(ForeignRoot, match="a copy of this database"):
            ownership.described()
        assert not site.driver.owns_root.is_set()
        site.seconds.now += STANDSTILL_SECONDS / 2
    site.seconds.now += STANDSTILL_SECONDS
    ownership.described()
    assert site.owner()["by"] == "far:1"


def test_a_restored_database_drives_on_at_once_where_its_worker_is_dead(site: Site, living: str) -> None:
    ownership = site.ownership()
    ownership.described()
    host = living.rpartition(":")[0]
    for worker in (f"{host}:{2**22 + 1}", f"{host}:1", "far:1"):  # no process, no worker, and itself
        site.sign_as(sign="newer", worker=worker)
        site.ownership().described()
        assert site.owner()["sign"] != "newer"
    site.sign_as(sign="newer", worker=living)
    with pytest.raises(ForeignRoot):
        site.ownership().described()


def test_a_copy_that_still_knows_the_sign_does_not_disturb_a_living_owner(site: Site, living: str) -> None:
    site.ownership(living).described()
    sign = site.owner()["sign"]
    copy = site.ownership()
    with pytest.raises(ForeignRoot, match="a copy of this database"):
        copy.described()
    assert site.owner()["sign"] == sign


def test_a_sign_that_was_left_and_not_heard_of_is_known_again(site: Site, sessions: sessionmaker[Session]) -> None:
    site.ownership().described()
    known = site.owner()["sign"]
    site.ownership().described()
    with transaction(sessions) as session:  # as if the worker had died between its sign and the commit
        session.execute(update(ClusterRow).values(root_sign=known, root_sign_next=site.owner()["sign"]))
    site.ownership().described()
    assert site.owner()["by"] == "far:1"


def test_a_root_that_cannot_be_written_for_a_while_stays_ours(site: Site) -> None:
    ownership = site.ownership()
    ownership.described()
    (site.root / "owner.part").mkdir()
    ownership.described()
    ownership.described()
    (site.root / "owner.part").rmdir()
    before = site.owner()["sign"]
    ownership.described()
    assert site.owner()["sign"] != before


def test_the_installation_keeps_its_id(site: Site, sessions: sessionmaker[Session]) -> None:
    site.ownership().described()
    with sessions() as session:
        assert session.get_one(Installation, 1).id == site.owner()["installation"]


def test_a_living_worker_that_lost_the_lease_is_not_waited_for(
    site: Site, living: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped for a while, and is one of several workers: nobody drives a copy."""
    site.ownership(living).described()
    monkeypatch.setattr(root_ownership, "uses_database", lambda worker, _: worker == living)
    site.driver.owns_root.clear()
    site.ownership("far:1").described()
    assert site.owner()["by"] == "far:1"
