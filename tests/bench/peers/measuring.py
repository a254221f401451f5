"""Other queues beside packtrain on the same Slurm, and slurmrestd as the floor under all of them."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from container.steps import StepError
from tests.bench.peers import floor
from tests.bench.peers.catalogue import COUNTED, Peer, peers
from tests.bench.peers.contest import Contest, Side, absent
from tests.bench.peers.login_node import LoginNode
from tests.bench.peers.ours import Packtrain
from tests.bench.peers.program import PeerError, Program
from tests.bench.report.table import Row
from tests.bench.rig import Rig
from tests.bench.runs.submitting import NODES
from tests.bench.site_database import SiteDatabase
from tests.e2e.site import Site, wait_for

POLLS = 2


@dataclass(frozen=True)
class Stage:
    """What all of them use."""

    rig: Rig
    site: Site
    database: SiteDatabase
    node: LoginNode
    ours: Packtrain

    def clear(self) -> None:
        """Nobody's jobs are left, in Slurm and in packtrain."""
        self.node.lab.run("scancel", "--user=packtrain")
        wait_for("empty queue", lambda: True if self._is_clear() else None)

    def _is_clear(self) -> bool:
        return self.database.count_live() == 0 and not self.node.lab.run("squeue", "-h")


def measure(rig: Rig) -> Iterator[Row]:
    """Five rows a peer and three for slurmrestd; what does not work here has one that says why."""
    site, node = rig.packtrain("peers"), LoginNode(rig.lab)
    rig.lab.run("scontrol", "update", NODES, "state=drain", "reason=bench")
    with closing(SiteDatabase(site)) as database:
        stage = Stage(rig, site, database, node, Packtrain(site, database, node.mark))
        stage.ours.submit(1)
        node.know_ours()
        yield from _or_why_not("slurmrestd", floor.NOTE, _floor(stage, rig.folder("floor")))
        for number, peer in enumerate(peers(rig.scale.peer_rounds, POLLS, patient=rig.scale.is_patient)):
            yield from _or_why_not(peer.title, peer.note, _beside(peer, stage, rig.folder(f"peer-{number}")))
        stage.clear()
    rig.lab.run("scontrol", "update", NODES, "state=resume")
    rig.stop(site)


def _or_why_not(what: str, note: str, rows: Iterable[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except (StepError, PeerError) as error:
        yield absent(what, str(error), note)


def _floor(stage: Stage, folder: Path) -> Iterator[Row]:
    stage.node.install()
    yield from floor.measure(stage.site, stage.ours, stage.node, folder)


def _beside(peer: Peer, stage: Stage, folder: Path) -> Iterator[Row]:
    start = peer.prepare(stage.node, folder)
    with Program(start.command, start.environment, folder / "program.log") as program:
        contest = Contest(Side(stage.ours, is_ours=True), Side(program, is_ours=False), stage.rig.scale.peer_jobs)
        for _ in range(peer.rounds):
            stage.clear()
            contest.play(stage.node, peer.polls)
            program.forget()
    yield from contest.rows(f"{program.name}, {peer.how}", f"{COUNTED} {peer.note}")
