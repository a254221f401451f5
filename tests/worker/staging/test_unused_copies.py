"""Copies that nobody needs leave the cluster."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_cluster_settings, make_dataset, make_user
from tests.local_transport import LocalTransport
from tests.worker.conftest import World
from tuning.datasets.repository import mark_staged, staged
from tuning.db.engine import transaction
from tuning.slurm.cluster import Cluster
from worker.staging.unused_copies import collect_copies

SHAS = ("a" * 64, "b" * 64)


def test_the_copy_of_a_deleted_data_set_goes_and_the_other_stays(
    world: World, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    node, settings = LocalTransport(), make_cluster_settings(root=str(tmp_path))
    driver = replace(world.driver, settings=settings, cluster=Cluster(settings, node))
    (tmp_path / "datasets").mkdir()
    with transaction(sessions) as session:
        user = make_user(session)
        for sha256, deleted_at in zip(SHAS, (NOON, None), strict=True):
            make_dataset(session, user, sha256=sha256, deleted_at=deleted_at)
            mark_staged(session, "lab", sha256, NOON)
            (tmp_path / f"datasets/{sha256}.json").touch()
    collect_copies(driver)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [f"{SHAS[1]}.json"]
    with sessions() as session:
        assert staged(session, "lab", set(SHAS)) == {SHAS[1]}
    collect_copies(driver)
    assert len(node.commands) == 1, "without one nothing is sent"
