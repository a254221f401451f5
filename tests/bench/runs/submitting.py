"""Queued jobs until Slurm has them: one beside a bare sbatch, many beside a loop of sbatch. No node takes a job."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection

from container import lab
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.bench.runs.control_socket import Run, control_socket
from tests.bench.site_database import SMALL, SiteDatabase
from tests.e2e.site import SHORT_RUN, Site, wait_for
from tuning.settings import load_clusters
from tuning.ssh.paramiko_login import LoggedIn, connect

NODES = "nodename=n1,n2"
MOST = 1.5
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 0.0002
"""A look takes 10 µs."""
BODY = json.dumps({"config": SHORT_RUN, "resources": SMALL}).encode()
ONE_NOTE = (
    "One job: from the request to the commit of Slurm's number, in turns with `ssh LOGIN-NODE sbatch SCRIPT` of a "
    "script that packtrain wrote: the OpenSSH client, its connection kept open (ControlMaster). The row behind it has "
    "beside it what a program pays that is running already and holds the connection itself (paramiko, without Nagle's "
    "delay). The nodes are drained, so that no job's start disturbs the next."
)
MANY_NOTE = (
    "Queued jobs reach Slurm: from the commit that makes them visible to the commit of the last Slurm number, by a "
    "worker that was waiting; the claims, the files, their upload and `--dependency=singleton` are in it."
)


def measure(rig: Rig) -> Iterator[Row]:
    """Three rows."""
    site, count = rig.packtrain("submitting"), rig.scale.submission_jobs
    rig.lab.run("scontrol", "update", NODES, "state=drain", "reason=bench")
    with closing(SiteDatabase(site)) as database, closing(_log_in(site)) as client:
        script = _warm_up(site, database, client)
        with control_socket(rig.lab) as ssh:
            yield from _one_by_one(
                rig.scale.single_submissions,
                lambda: _post(site, database),
                lambda: _by_ssh(ssh, script),
                lambda: _bare_loop(client, script, 1),
            )
        _empty(rig.lab, database)
        many = Pairs()
        for _ in range(rig.scale.submission_pairs):
            many.ours.append(_through_packtrain(database, count))
            _empty(rig.lab, database)
            many.theirs.append(_bare_loop(client, script, count))
            _empty(rig.lab, database)
    rig.lab.run("scontrol", "update", NODES, "state=resume")
    rig.stop(site)
    loop = f"{count:,} sbatch of such a script in one remote shell, connection open"
    yield many.row(f"{count:,} queued jobs reach Slurm, by a running worker", loop, MOST, MANY_NOTE)


def _one_by_one(
    count: int, ours: Callable[[], float], by_ssh: Callable[[], float], in_process: Callable[[], float]
) -> Iterator[Row]:
    beside_ssh, beside_library = Pairs(), Pairs()
    for _ in range(count):
        for seconds, measured in (
            (beside_ssh.ours, ours),
            (beside_ssh.theirs, by_ssh),
            (beside_library.theirs, in_process),
        ):
            seconds.append(measured())
            time.sleep(PAUSE_SECONDS)
    beside_library.ours.extend(beside_ssh.ours)
    what = "POST /jobs until Slurm's number is known"
    yield beside_ssh.row(what, "ssh (its connection is open) sbatch", MOST, ONE_NOTE)
    yield beside_library.row(what, "sbatch by a program that holds the SSH connection", None)


def _log_in(site: Site) -> LoggedIn:
    return connect(load_clusters(site.state / "clusters.toml")["lab"])


def _warm_up(site: Site, database: SiteDatabase, client: LoggedIn) -> str:
    """A few jobs each way; returns the path of a batch script that packtrain wrote."""
    job_id, *_ = database.add(5)
    wait_for("submission", lambda: database.all_have_ids([job_id]) or None)
    script = f"/home/packtrain/packtrain/jobs/{job_id}/1/job.sh"
    for _ in range(3):
        _post(site, database)
        _bare_loop(client, script, 1)
    _empty(site.lab, database)
    return script


def _post(site: Site, database: SiteDatabase) -> float:
    """From the request to the commit of the Slurm number."""
    headers = {"Authorization": f"Bearer {site.env()['PACKTRAIN_TOKEN']}", "Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        connection.connect()
        started = time.monotonic()
        connection.request("POST", "/api/v1/jobs", BODY, headers)
        job_id = json.loads(connection.getresponse().read())["id"]
        while not database.has_slurm_id(job_id):
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - started


def _through_packtrain(database: SiteDatabase, count: int) -> float:
    """From the commit that makes the jobs visible to the commit of their last Slurm number."""
    job_ids = database.add(count)
    started = time.monotonic()
    while not database.all_have_ids(job_ids):
        time.sleep(0.02)
    return time.monotonic() - started


def _by_ssh(ssh: Run, script: str) -> float:
    started = time.monotonic()
    said = ssh(_sbatch(script))
    seconds = time.monotonic() - started
    if not said.strip().isdigit():
        raise RuntimeError(f"sbatch refused: {said!r}")
    return seconds


def _bare_loop(client: LoggedIn, script: str, count: int) -> float:
    submit = _sbatch(script)
    command = submit if count == 1 else f"for i in $(seq {count}); do {submit}; done"
    started = time.monotonic()
    _, stdout, stderr = client.exec_command(command, timeout=300)
    said = stdout.read().split()
    seconds = time.monotonic() - started
    if len(said) != count:
        raise RuntimeError(f"sbatch refused: {stderr.read()[:500]!r}")
    return seconds


def _sbatch(script: str) -> str:
    return f"sbatch --parsable --output=/dev/null --error=/dev/null {shlex.quote(script)}"


def _empty(cluster: lab.Lab, database: SiteDatabase) -> None:
    """Nobody's jobs are left, in Slurm and here."""
    cluster.run("scancel", "--user=packtrain")
    wait_for("empty queue", lambda: True if database.count_live() == 0 and not cluster.run("squeue", "-h") else None)
