"""Wishes to remove are carried out on the cluster, by a real shell on a folder of this machine."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_cluster_settings
from tests.local_transport import LocalTransport
from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.actions.removals import ask_removal, unwanted_paths
from tuning.jobs.models import Artifact
from tuning.jobs.status import JobStatus
from tuning.slurm.cluster import Cluster
from worker.driver import Driver
from worker.upkeep.removal import remove_unwanted


def on_this_machine(world: World, root: Path) -> tuple[Driver, LocalTransport]:
    node, settings = LocalTransport(), make_cluster_settings(root=str(root))
    return replace(world.driver, settings=settings, cluster=Cluster(settings, node)), node


def test_a_checkpoint_leaves_the_cluster_and_nothing_else(
    world: World, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    driver, node = on_this_machine(world, tmp_path)
    job_id = world.add(JobStatus.RUNNING)
    output = tmp_path / "jobs" / job_id / "output"
    for name in ("checkpoint-1", "checkpoint-10"):
        (output / name).mkdir(parents=True)
        (output / name / "weights").touch()
    with transaction(sessions) as session:
        ask_removal(session, job_id, "output/checkpoint-1", NOON)
    remove_unwanted(driver)
    assert [path.name for path in output.iterdir()] == ["checkpoint-10"]
    with sessions() as session:
        assert unwanted_paths(session, job_id) == frozenset()
    remove_unwanted(driver)
    assert len(node.commands) == 1, "without a wish nothing is sent"


def test_an_output_leaves_the_cluster_with_its_files_and_logs_stay(
    world: World, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    driver, _ = on_this_machine(world, tmp_path)
    job_id = world.add(JobStatus.SUCCEEDED)
    folder = tmp_path / "jobs" / job_id
    for name in ("output/checkpoint-1", "1"):
        (folder / name).mkdir(parents=True)
    with transaction(sessions) as session:
        for path in ("adapter", "checkpoint-1/weights"):
            session.add(Artifact(job_id=job_id, path=path, size_bytes=1, modified_at=NOON))
        ask_removal(session, job_id, "output", NOON)
    remove_unwanted(driver)
    assert [path.name for path in folder.iterdir()] == ["1"]
    with sessions() as session:
        assert unwanted_paths(session, job_id) == frozenset()
        assert session.scalars(select(Artifact)).all() == []


def test_what_is_gone_already_is_gone(world: World, sessions: sessionmaker[Session], tmp_path: Path) -> None:
    driver, _ = on_this_machine(world, tmp_path)
    job_id = world.add(JobStatus.RUNNING)
    with transaction(sessions) as session:
        ask_removal(session, job_id, "1/secrets", NOON)
    remove_unwanted(driver)
    with sessions() as session:
        assert unwanted_paths(session, job_id) == {"1/secrets"}, "nothing at all is there: a disk is away"
    (tmp_path / "jobs").mkdir()
    remove_unwanted(driver)
    with sessions() as session:
        assert unwanted_paths(session, job_id) == frozenset()


def test_the_cluster_refuses_every_other_path(world: World, tmp_path: Path) -> None:
    driver, _ = on_this_machine(world, tmp_path)
    folder = tmp_path / "jobs/job_1"
    for name in ("output", "1/output", "output/checkpoint-x"):
        (folder / name).mkdir(parents=True)
    wrong = ["", "/", str(tmp_path), f"{folder}/1/output", f"{folder}/1", f"{folder}/output/checkpoint-1/../../1"]
    assert driver.cluster.remove([*wrong, f"{folder}/output/checkpoint-x", f"{tmp_path}/x/output/checkpoint-1"]) == []
    assert sorted(path.name for path in folder.iterdir()) == ["1", "output"]
