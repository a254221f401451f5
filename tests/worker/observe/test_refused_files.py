"""What a run put in the place of a file that is read is told, once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, WatchedCluster
from tuning.jobs.models import JobEvent
from tuning.slurm.cluster import Observation, ReadAnswer, ReadRequest


class Tampered(WatchedCluster):
    """Has links in the place of some files."""

    def __init__(self, refused: frozenset[str]) -> None:
        super().__init__()
        self.refused = refused

    def observe(self, files: Iterable[str], opened: Iterable[str] = ()) -> Observation:
        """The queue, and what is refused of the files."""
        paths = list(files)
        return replace(super().observe(paths, opened), refused=self.refused & {*paths})

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """What exists, and what is refused."""
        return replace(super().read(requests), refused=self.refused & {one.path for one in requests})


def test_a_link_in_the_place_of_a_file_is_told_once(world: World, sessions: sessionmaker[Session]) -> None:
    run = Run(world, sessions)
    tampered = Tampered(frozenset({f"{run.folder}/1/stdout.log", f"{run.folder}/output/trainer_state.json"}))
    tampered.submitted, tampered.clock_epoch = run.cluster.submitted, run.cluster.clock_epoch
    run.cluster, run.driver = tampered, replace(run.driver, cluster=tampered)
    run.slurm_says("RUNNING")
    for _ in range(3):
        run.look()
    run.end(0)
    run.slurm_says("COMPLETED")
    run.look()
    with sessions() as session:
        told = session.scalars(select(JobEvent.message).where(JobEvent.type == "warning").order_by(JobEvent.id)).all()
    assert told == [
        "stdout.log of attempt 1 is a link, or no plain file of its own: it is not read",
        "trainer_state.json of attempt 1 is a link, or no plain file of its own: it is not read",
    ]
