"""A cluster on this machine that outlives the database: a root, Slurm's commands as files that a test writes."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from shutil import copy
from typing import Any

from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from ops.recover.recovery import Recovery, known_jobs, look, settled, write
from ops.recover.rows import Surroundings
from tests.factories import Clock, make_cluster_settings, make_job, make_user
from tests.local_transport import LocalTransport
from tuning.clusters.lease import acquire, ensure_row
from tuning.clusters.models import ClusterRow
from tuning.datasets.storage.store import ContentStore
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.models import Attempt, Job, JobDataset
from tuning.secrets.cipher import Cipher
from tuning.settings import ClusterSettings
from tuning.slurm.cluster import Cluster
from tuning.ssh.budget import Traffic
from worker.ages import Ages
from worker.breaker import Breaker
from worker.cycle import Cycle
from worker.driver import Driver

SBATCH = """#!/bin/bash
cat >/dev/null
number=$(($(cat {0}/last) + 1))
echo "$number" >{0}/last
for word; do case $word in --job-name=*) name=${{word#*=}} ;; --comment=*) comment=${{word#*=}} ;; esac; done
printf '%s\\x1f%s\\x1f%s\\n' "$number" "$name" "$comment" >>{0}/submitted
echo "$number"
"""
PRINTS = """#!/bin/bash
case "$*" in *--test-only*) exit 1 ;; *'%i\x1f%k') file=comments ;; *'%i\x1f%j\x1f%k') exit ;; *) file={1} ;; esac
[ ! -e {0}/down ] || exit 1
case "$*" in *--name=*) columns=1,2 ;; *) columns=1- ;; esac
cut -d'|' -f"$columns" {0}/$file 2>/dev/null
exit 0
"""


@dataclass
class LostDatabase:
    """A root with jobs of a packtrain whose database is gone, and an empty database."""

    home: Path
    template: Path
    clock: Clock = field(default_factory=lambda: Clock(datetime.now(UTC)))

    def __post_init__(self) -> None:
        (self.home / "bin").mkdir()
        (self.home / "last").write_text("100")
        programs = {"sbatch": SBATCH, "squeue": PRINTS, "sacct": PRINTS, "scancel": PRINTS, "sinfo": PRINTS}
        for name, text in programs.items():
            (self.home / "bin" / name).write_text(text.format(self.home, name))
            (self.home / "bin" / name).chmod(0o755)
        self.transport = LocalTransport()
        self.cluster = Cluster(self.settings, self.transport)
        self.cluster.prepare()
        (self.home / "submitted").touch()
        self.before, self.after = self.database("before"), self.database("after")
        self.worker_before = self.driver(self.before)

    @property
    def root(self) -> Path:
        return self.home / "root"

    @property
    def settings(self) -> ClusterSettings:
        return make_cluster_settings(root=str(self.root))

    def database(self, name: str) -> sessionmaker[Session]:
        """An empty database."""
        file = copy(self.template, self.home / f"{name}.db")
        return open_sessions(open_engine(f"sqlite:///{file}"))

    def driver(self, sessions: sessionmaker[Session]) -> Driver:
        """A worker's, that holds the lease of `lab` in this database."""
        with transaction(sessions) as session:
            ensure_row(session, "lab")
        with transaction(sessions) as session:
            lease = acquire(session, "lab", "test", self.clock(), 30)
            session.execute(update(ClusterRow).values(snapshot={"datasets": {"identity": {"file_name": "i.json"}}}))
        assert lease
        cipher, ages = Cipher(SecretStr("key")), Ages(lambda: self.clock().timestamp())
        owned = threading.Event()
        return Driver(
            self.settings, sessions, self.cluster, Traffic(), Breaker(10.0), lease, self.clock, cipher, owned, ages
        )

    def submit(self, owner: str = "ada", *, dataset_id: str | None = None, **columns: Any) -> str:
        """A job that the lost packtrain submitted; the worker's own code does it."""
        with transaction(self.before) as session:
            job_id = make_job(session, make_user(session, name=owner), created_at=self.clock(), **columns).id
            if dataset_id is not None:
                session.add(JobDataset(job_id=job_id, position=0, dataset_id=dataset_id))
        Cycle(self.worker_before).run_urgent()
        return job_id

    def slurm_id(self, job_id: str) -> int:
        """The number that Slurm gave to its attempt."""
        lines = [line.split("\x1f") for line in (self.home / "submitted").read_text().splitlines()]
        return next(int(number) for number, name, _ in lines if name.startswith(f"{job_id}-"))

    def begin(self, job_id: str) -> None:
        """What a batch script leaves at its start."""
        folder, number = self.folder(job_id), self.slurm_id(job_id)
        (folder / "claim").symlink_to(str(number))
        (folder / "started").write_text(self._record(number))
        (folder.parent / "output").mkdir()

    def end(self, job_id: str, exit_code: int = 0, stopped: str = "no") -> None:
        """What a batch script leaves at its end."""
        record = f"{self._record(self.slurm_id(job_id))}exit_code={exit_code}\nstopped={stopped}\n"
        (self.folder(job_id) / "files").write_bytes(b"")
        (self.folder(job_id) / "exit").write_text(record)

    def queue(self, states: dict[str, str]) -> None:
        """What squeue knows: jobs by their states."""
        known = {line.split("\x1f")[0]: line.split("\x1f")[1:] for line in self._submitted()}
        lines, comments = [], []
        for job_id, state in states.items():
            number = str(self.slurm_id(job_id))
            name, comment = known[number]
            start = f"{self.clock().timestamp():.0f}" if state == "RUNNING" else "N/A"
            lines.append("\x1f".join([number, state, "None", start, "n1", name, comment]))
            comments.append(f"{number}\x1f{comment}")
        (self.home / "squeue").write_text("".join(f"{line}\n" for line in lines))
        (self.home / "comments").write_text("".join(f"{line}\n" for line in comments))

    def accounting(self, states: dict[str, str]) -> None:
        """What sacct knows: jobs by their states."""
        at = f"{self.clock().timestamp():.0f}"
        names = {int(line.split("\x1f")[0]): line.split("\x1f")[1] for line in self._submitted()}
        rows = [(self.slurm_id(job_id), state) for job_id, state in states.items()]
        lines = [f"{number}|{names[number]}|{at}|{state}|0:0|{at}|{at}|n1" for number, state in rows]
        (self.home / "sacct").write_text("".join(f"{line}\n" for line in lines))

    def folder(self, job_id: str, number: int = 1) -> Path:
        """Of an attempt."""
        return self.root / "jobs" / job_id / str(number)

    def look(self, owner: str | None = None) -> Recovery:
        """What the command shows."""
        with self.after() as session:
            known = known_jobs(session)
        return look(self.settings, self.transport, known, owner, self.clock())

    def recover(self, owner: str | None = None) -> Recovery:
        """What the command does."""
        found = settled(self.cluster, self.settings.root, self.look(owner))
        with transaction(self.after) as session:
            store = ContentStore(self.home / "data" / "datasets", 0)
            around = Surroundings("lab", store, self.clock(), root=self.settings.root)
            return write(session, found, around)

    def work(self, cycles: int = 4, seconds: float = 60.0) -> None:
        """A worker on the database after it."""
        cycle = Cycle(self._worker_after)
        for _ in range(cycles):
            cycle.run()
            self.clock.advance(seconds)

    def job(self, job_id: str) -> Job:
        """As the database after it has it."""
        with self.after() as session:
            return session.get_one(Job, job_id)

    def attempts(self, job_id: str) -> list[tuple[int, int | None]]:
        """(number, Slurm id) of each."""
        with self.after() as session:
            rows = session.query(Attempt).filter(Attempt.job_id == job_id).order_by(Attempt.number)
            return [(row.number, row.slurm_job_id) for row in rows]

    @cached_property
    def _worker_after(self) -> Driver:
        return self.driver(self.after)

    def _submitted(self) -> Iterable[str]:
        return (self.home / "submitted").read_text().splitlines()

    def _record(self, number: int) -> str:
        at = self.clock() + timedelta(seconds=1)
        return f"slurm_job_id={number}\nrestart=0\nnode=n1\nepoch={at.timestamp():.0f}\n"
