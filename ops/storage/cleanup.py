"""Clean-up of what nobody has needed for a while: listed, and removed by the ways by which people remove it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from ops.storage.disused_kinds import DisusedKind
from tuning.datasets.repository import delete_unless_used
from tuning.datasets.store import ContentStore
from tuning.datasets.unused_contents import collect_unused
from tuning.jobs.actions.removals import ask_removal
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.queries.dataset_use import IN_USE
from tuning.jobs.queries.requests import lock_job
from tuning.jobs.queries.sources import checkpoint_steps
from tuning.jobs.queries.storage import CHECKPOINTS, Disused, disused_files, disused_uploads
from tuning.jobs.status import ENDED

MOST_AT_ONCE = 1000
"""Of each kind, the largest."""


def disused(session: Session, kinds: Sequence[DisusedKind], before: datetime) -> dict[DisusedKind, Sequence[Disused]]:
    """The things of these kinds that nobody has needed since then."""
    return {kind: _LISTS[kind](session, before) for kind in kinds}


def remove(session: Session, found: Mapping[DisusedKind, Sequence[Disused]], now: datetime) -> int:
    """Delete these uploads, and ask the worker to remove these folders, in the caller's transaction; returns how many.

    What somebody needs again meanwhile stays, and so do outputs.
    """
    removable = [(_REMOVES[kind], each.id) for kind in _REMOVES for each in found.get(kind, ())]
    return sum(remove_these(session, thing, now) for remove_these, thing in removable)


def collect(session: Session, store: ContentStore, now: datetime) -> int:
    """Let the contents of deleted uploads leave the server's disk, once that they are is committed."""
    return collect_unused(session, store, IN_USE, now)


def _remove_upload(session: Session, dataset_id: str, now: datetime) -> bool:
    return delete_unless_used(session, dataset_id, IN_USE, now)


def _remove_checkpoints(session: Session, job_id: str, now: datetime) -> bool:
    if not _has_ended(session, job_id):
        return False
    for step in sorted(checkpoint_steps(session, [job_id]).get(job_id, ())):
        ask_removal(session, job_id, checkpoint_path(step), now)
    return True


def _has_ended(session: Session, job_id: str) -> bool:
    job = lock_job(session, job_id)
    return job is not None and job.status in ENDED


_LISTS: Mapping[DisusedKind, Callable[[Session, datetime], Sequence[Disused]]] = {
    DisusedKind.UPLOADS: lambda session, before: disused_uploads(session, before, MOST_AT_ONCE),
    DisusedKind.CHECKPOINTS: lambda session, before: disused_files(session, before, MOST_AT_ONCE, CHECKPOINTS),
    DisusedKind.OUTPUTS: lambda session, before: disused_files(session, before, MOST_AT_ONCE),
}
_REMOVES: Mapping[DisusedKind, Callable[[Session, str, datetime], bool]] = {
    DisusedKind.UPLOADS: _remove_upload,
    DisusedKind.CHECKPOINTS: _remove_checkpoints,
}
