"""recover: jobs of a cluster, where the database is lost."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.login import cluster_settings, login
from packtrain.cli.commands.arguments import ClusterName
from packtrain.cli.screen import listing, note, now

if TYPE_CHECKING:
    from ops.recover.recovery import Recovery


def recover(
    cluster: ClusterName,
    apply: Annotated[bool, typer.Option("--apply", help="Write the rows; without it they are only shown.")] = False,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="NAME", help="Whose jobs are that an earlier packtrain submitted."),
    ] = None,
) -> None:
    """Rebuild jobs from their folders on a cluster.

    For when the database is gone: their rows are made again from what lies there, and from Slurm's word.
    Into a migrated database, that of PACKTRAIN_DATABASE_URL; jobs that it has stay as they are. What Slurm runs is
    followed again, what has ended gets its end from the worker, what never began is held.

    \b
    packtrain recover lab
    packtrain recover lab --apply
    """
    from ops.databases import opened_existing
    from ops.recover.recovery import known_jobs, look, record_recovered, require_undriven, settled, write
    from ops.recover.rows import Surroundings
    from tuning.datasets.storage.store import ContentStore
    from tuning.db.engine import open_sessions, transaction
    from tuning.people.audit import operator
    from tuning.settings import load_settings
    from tuning.slurm.cluster import Cluster

    own, settings, at = load_settings(), cluster_settings(cluster), now()
    with opened_existing(own.database_url) as engine, login(settings) as transport:
        sessions = open_sessions(engine)
        with transaction(sessions) as session:
            require_undriven(session, cluster, at)
            known = known_jobs(session)
        found = look(settings, transport, known, owner, at)
        if apply:
            found = settled(Cluster(settings, transport), settings.root, found)
            with transaction(sessions) as session:
                around = Surroundings(cluster, ContentStore(own.data_dir / "datasets", 0), at, root=settings.root)
                found = write(session, found, around)
                record_recovered(session, found, operator(), at)
    _show(found, was_applied=apply)


def _show(found: "Recovery", *, was_applied: bool) -> None:
    rows = [
        (
            job.record.job_id, job.record.name, job.record.owner, str(job.record.attempt),
            str(job.last.slurm_job_id or "-"), f"{job.state} ({job.slurm_state})",
        )
        for job in found.jobs
    ]  # fmt: skip
    listing("jobs to recover", ("JOB", "NAME", "OWNER", "ATTEMPT", "SLURM", "STATE"), rows)
    for each in found.skipped:
        note(f"skipped {each.job_id}: {each.reason}")
    if found.left:
        note(
            f"{found.left} older jobs are left: run this again for them"
            if was_applied
            else f"{found.left} older jobs too"
        )
    if not was_applied:
        note("nothing was written: `--apply` does that")
        note("administrators first (`packtrain token create NAME --admin`): whom it makes anew is an ordinary user")
    elif rows:
        note(f"{len(rows)} jobs are in the database again")
        note("next: `packtrain token create NAME` for their other owners, then start server and worker")
