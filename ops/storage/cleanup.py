"""Clean-up of what nobody has needed for a while: listed, and removed by the ways by which people remove it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from ops.storage.disused_kinds import DisusedKind
from tuning.datasets.repository import delete_unless_used
from tuning.datasets.storage.store import ContentStore
from tuning.datasets.unused_contents import collect_unused
from tuning.db.engine import lock_event_order
from tuning.jobs.actions.removals import ask_output_removal, ask_removal
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.queries.requests import lock_job
from tuning.jobs.queries.sources import checkpoint_steps
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.jobs.queries.use.storage import (
    Disused,
    disused_checkpoints,
    disused_outputs,
    disused_uploads,
    sources_among,
)
from tuning.jobs.status import ENDED
from tuning.models.spared import spared_among, spared_steps
from tuning.people.audit import Actor, Change, record

MOST_AT_ONCE = 1000
"""Of each kind, the largest."""


def disused(session: Session, kinds: Sequence[DisusedKind], before: datetime) -> dict[DisusedKind, Sequence[Disused]]:
    """The things of these kinds that nobody has needed since then."""
    return {kind: _LISTS[kind](session, before) for kind in kinds}


def remove(session: Session, found: Mapping[DisusedKind, Sequence[Disused]], actor: Actor, now: datetime) -> int:
    """Delete these uploads, and ask the worker to remove these folders, in the caller's transaction; returns how many.

    What somebody needs again meanwhile stays. Each removal is in the record of changes.
    """
    lock_event_order(session)  # nobody makes a job that is based on these from here on
    outputs = [each.id for each in found.get(DisusedKind.OUTPUTS, ())]
    needed = sources_among(session, outputs) | {its.job_id for its in spared_among(session, outputs)}
    removed = 0
    for kind, things in found.items():
        for each in things:
            is_kept = kind is DisusedKind.OUTPUTS and each.id in needed
            if not is_kept and _REMOVES[kind](session, each.id, now):
                _record(session, actor, kind, each, now)
                removed += 1
    return removed


def collect(session: Session, store: ContentStore, now: datetime) -> int:
    """Let the contents of deleted uploads leave the server's disk, once that they are is committed."""
    return collect_unused(session, store, IN_USE, now)


def _remove_upload(session: Session, dataset_id: str, now: datetime) -> bool:
    return delete_unless_used(session, dataset_id, IN_USE, now)


def _remove_checkpoints(session: Session, job_id: str, now: datetime) -> bool:
    if not _has_ended(session, job_id):
        return False
    for step in sorted(checkpoint_steps(session, [job_id]).get(job_id, frozenset()) - spared_steps(session, job_id)):
        ask_removal(session, job_id, checkpoint_path(step), now)
    return True


def _remove_output(session: Session, job_id: str, now: datetime) -> bool:
    job = lock_job(session, job_id)
    if job is None or job.status not in ENDED:
        return False
    ask_output_removal(session, job, "nobody has used it", now)
    return True


def _record(session: Session, actor: Actor, kind: DisusedKind, removed: Disused, now: datetime) -> None:
    before = {"name": removed.name, "owner": removed.owner, "cluster": removed.cluster, "bytes": removed.size_bytes}
    subject_kind = "dataset" if kind is DisusedKind.UPLOADS else "job"
    record(session, actor, Change(f"storage.{kind}_removed", subject_kind, removed.id, before=before), now)


def _has_ended(session: Session, job_id: str) -> bool:
    job = lock_job(session, job_id)
    return job is not None and job.status in ENDED


_LISTS: Mapping[DisusedKind, Callable[[Session, datetime], Sequence[Disused]]] = {
    DisusedKind.UPLOADS: lambda session, before: disused_uploads(session, before, MOST_AT_ONCE),
    DisusedKind.CHECKPOINTS: lambda session, before: disused_checkpoints(session, before, MOST_AT_ONCE),
    DisusedKind.OUTPUTS: lambda session, before: disused_outputs(session, before, MOST_AT_ONCE),
}
_REMOVES: Mapping[DisusedKind, Callable[[Session, str, datetime], bool]] = {
    DisusedKind.UPLOADS: _remove_upload,
    DisusedKind.CHECKPOINTS: _remove_checkpoints,
    DisusedKind.OUTPUTS: _remove_output,
}
