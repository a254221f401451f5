"""Queued jobs until Slurm has them, beside a bare loop of sbatch in one remote shell. No node takes a job meanwhile."""

import shlex
import time
from collections.abc import Iterator
from contextlib import closing

from container import lab
from tests.bench.rig import Rig
from tests.bench.site_database import SiteDatabase
from tests.bench.table import Pairs, Row
from tests.e2e.site import Site, wait_for
from tuning.settings import load_clusters
from tuning.ssh.paramiko_transport import ParamikoTransport
from tuning.ssh.transport import Transport

NODES = "nodename=n1,n2"
NOTE = (
    "Queued jobs reach Slurm: from the commit that makes them visible to the commit of the last Slurm number, by a "
    "worker that was waiting; the claim, the files, the upload and `--dependency=singleton` are in it. The nodes are "
    "drained, so that no job's start disturbs the next submission."
)


def measure(rig: Rig) -> Iterator[Row]:
    """One row."""
    site, count = rig.packtrain("submitting"), rig.scale.submission_jobs
    rig.lab.run("scontrol", "update", NODES, "state=drain", "reason=bench")
    transport = ParamikoTransport(load_clusters(site.state / "clusters.toml")["lab"])
    with closing(SiteDatabase(site)) as database, closing(transport):
        pairs = Pairs()
        script = _warm_up(site, database, transport)
        for _ in range(rig.scale.submission_pairs):
            pairs.ours.append(_through_packtrain(database, count))
            _empty(rig.lab, database)
            pairs.theirs.append(_bare_loop(transport, script, count))
            _empty(rig.lab, database)
    rig.lab.run("scontrol", "update", NODES, "state=resume")
    rig.stop(site)
    loop = f"{count} sbatch of such a script in one remote shell, connection open"
    yield pairs.row(f"{count} queued jobs reach Slurm, by a running worker", loop, 2.0, NOTE)


def _warm_up(site: Site, database: SiteDatabase, transport: Transport) -> str:
    """A few jobs each way; returns the path of a batch script that packtrain wrote."""
    job_id, *_ = database.add(5)
    wait_for("submission", lambda: database.all_have_ids([job_id]) or None)
    script = f"/home/packtrain/packtrain/jobs/{job_id}/1/job.sh"
    _bare_loop(transport, script, 5)
    _empty(site.lab, database)
    return script


def _through_packtrain(database: SiteDatabase, count: int) -> float:
    """From the commit that makes the jobs visible to the commit of their last Slurm number."""
    job_ids = database.add(count)
    started = time.monotonic()
    while not database.all_have_ids(job_ids):
        time.sleep(0.02)
    return time.monotonic() - started


def _bare_loop(transport: Transport, script: str, count: int) -> float:
    submit = f"sbatch --parsable --output=/dev/null --error=/dev/null {shlex.quote(script)}"
    started = time.monotonic()
    done = transport.run(f"for i in $(seq {count}); do {submit}; done", timeout_seconds=300)
    seconds = time.monotonic() - started
    if len(done.stdout.split()) != count:
        raise RuntimeError(f"sbatch refused: {done.stderr[:500]!r}")
    return seconds


def _empty(cluster: lab.Lab, database: SiteDatabase) -> None:
    """Nobody's jobs are left, in Slurm and here."""
    cluster.run("scancel", "--user=packtrain")
    wait_for("empty queue", lambda: True if database.count_live() == 0 and not cluster.run("squeue", "-h") else None)
