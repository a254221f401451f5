"""Check for poison jobs: what failed at single jobs of a cluster, as the service's database has it."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import make_url

from ops.doctor.check import Check
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import open_engine, open_sessions
from tuning.jobs.models import Trouble
from tuning.jobs.troubles import newest

_NAME = "jobs"
_MOST_SHOWN = 5


def poison_check(cluster: str, database_url: str) -> Check:
    """Whether the worker or the server failed at single jobs, and at what; where this machine has the database."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return Check(_NAME, "ok", "the service's database is not on this machine: see `packtrain clusters show`")
    engine = open_engine(database_url)
    try:
        with open_sessions(engine)() as session:
            found = newest(session, cluster, _MOST_SHOWN + 1)
    except DATABASE_TROUBLE as error:
        fix = "PACKTRAIN_DATABASE_URL names it; `packtrain migrate` makes its tables"
        return Check(_NAME, "warning", f"what failed at single jobs cannot be read: {complaint(error)}", fix)
    finally:
        engine.dispose()
    return judged(found)


def judged(found: Sequence[Trouble]) -> Check:
    """The check of these troubles: a warning where there are any. Pure."""
    if not found:
        return Check(_NAME, "ok", "no step has failed at a job")
    told = [_line(row) for row in found[:_MOST_SHOWN]]
    more = " and more" if len(found) > _MOST_SHOWN else ""
    fix = "each is tried again by itself; if it does not heal, report the error with the worker's log"
    return Check(_NAME, "warning", f"{'; '.join(told)}{more}", fix)


def _line(row: Trouble) -> str:
    whom = row.job_id or row.subject or "the whole cluster"
    place = row.trace.rpartition("\n")[2]
    times = "once" if row.failures == 1 else f"{row.failures} times"
    since = f"since {row.since:%Y-%m-%d %H:%M} UTC, next try {row.next_try_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{row.step} failed {times} at {whom} {since}: {row.error} {row.message} ({place})"
