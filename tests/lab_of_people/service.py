"""Server and two workers of one packtrain on PostgreSQL, with clusters whose trainings sleep; to be killed at will."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from container import lab, stack
from container.background import find_process, start_process
from container.lab import ports
from tests import postgresql
from tests.e2e.site import Site
from tests.lab_of_people import sleeper

SECOND_WORKER = "worker-2"
PROGRAMS = ("server", "worker", SECOND_WORKER)
LEASE_SECONDS = 10.0
"""Shorter than usual: clusters of a killed worker are driven by the other after a third of the time that it takes."""


@dataclass(frozen=True)
class GpuCluster:
    """Cluster to be started: a lab whose two nodes have so many GPUs each."""

    name: str
    gpus_per_node: int
    settings: str = ""
    """Further lines of its section of the clusters file."""


@dataclass(frozen=True)
class Service:
    """The programs on their state folder, and the labs by the names of their clusters."""

    site: Site
    labs: Mapping[str, lab.Lab]
    database_url: str

    def kill(self, program: str) -> None:
        """SIGKILL a program, as the kernel does when memory runs out."""
        self.site.kill(program)

    def start(self, program: str) -> None:
        """Start a program that does not run."""
        if program != SECOND_WORKER:
            self.site.start(program)
            return
        environment = {**stack.settings(self.site.state, self.site.port), **self.site.more}
        command, log = [sys.executable, "-m", "worker"], self.site.state / f"{program}.log"
        start_process(command, stack.pid_file(self.site.state, program), log, environment)

    def drivers(self) -> Mapping[str, str]:
        """The program that drives each cluster, where that one runs."""
        found = {name: find_process(stack.pid_file(self.site.state, name)) for name in PROGRAMS[1:]}
        by_pid = {process.pid: name for name, process in found.items() if process is not None}
        with psycopg.connect(self.database_url) as connection:
            rows = connection.execute("SELECT name, lease_owner FROM clusters").fetchall()
        owners = {name: int(owner.rpartition(":")[2]) for name, owner in rows if owner}
        return {name: by_pid[pid] for name, pid in owners.items() if pid in by_pid}


@contextmanager
def running(state: Path, clusters: Sequence[GpuCluster], cpus: int = 64) -> Iterator[Service]:
    """A service on an empty state folder, with these clusters; everything ends with the block."""
    with ExitStack() as ending:
        labs = {each.name: _lab(state / each.name, each, cpus, ending) for each in clusters}
        server = ending.enter_context(postgresql.running(postgresql.DURABLE))
        url = f"{server.url}/postgres"
        more = {"PACKTRAIN_DATABASE_URL": url, "PACKTRAIN_LEASE_SECONDS": str(LEASE_SECONDS)}
        service = Service(Site(state, ports.pick(), next(iter(labs.values())), more), labs, url.replace("+psycopg", ""))
        ending.callback(_stop, service)
        sections = "\n".join(_section(each, labs[each.name]) for each in clusters)
        stack.start(state, service.site.port, sections, more)
        service.start(SECOND_WORKER)
        yield service


def _lab(state: Path, cluster: GpuCluster, cpus: int, ending: ExitStack) -> lab.Lab:
    ending.callback(lab.down, state)
    started = lab.up(lab.Profile.TRIXIE, state, cpus=cpus, gpus=cluster.gpus_per_node)
    sleeper.install(started)
    return started


def _section(cluster: GpuCluster, its: lab.Lab) -> str:
    text = stack.clusters_toml(its).replace("[clusters.lab", f"[clusters.{cluster.name}")
    head = f"[clusters.{cluster.name}]\n"
    return text.replace(head, f"{head}{cluster.settings}\n", 1)


def _stop(service: Service) -> None:
    second = find_process(stack.pid_file(service.site.state, SECOND_WORKER))
    if second is not None:
        second.end(patience=20.0)
    stack.stop(service.site.state)
