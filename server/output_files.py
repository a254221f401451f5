"""Files of a job's output folder: as its last attempt left them, or as they are now while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from server.cluster_files import PersonFiles, RemoteFile
from tuning.db.engine import transaction
from tuning.errors import ClusterError, NotFound, Unavailable
from tuning.jobs.layout import output_directory
from tuning.jobs.models import Artifact
from tuning.jobs.output.artifacts import artifact, artifacts_of
from tuning.jobs.queries.feed import JobPlace, Reader, job_place
from tuning.jobs.status import JobStatus
from tuning.ssh.file_listing import is_plain_path

FINISHED_BY = "trainer_state.json"
"""Of the files of a checkpoint, transformers writes this one last."""


@dataclass(frozen=True)
class OutputFiles:
    """Files by path."""

    files: tuple[RemoteFile, ...]
    listed_at: datetime | None
    """When the files of a job that runs were looked at; None: as its last attempt left them."""


def output_files(
    sessions: sessionmaker[Session], job_id: str, reader: Reader, cluster_files: PersonFiles
) -> OutputFiles:
    """The files of a job. Those of one that runs are asked of its cluster; where that cannot be, as last known.

    Raises NotFound where there is no such job that the reader may see.
    """
    with transaction(sessions) as session:
        place = job_place(session, job_id, reader)
        left = _as_left(artifacts_of(session, job_id))
    if place.status is not JobStatus.RUNNING:
        return OutputFiles(left, None)
    try:
        folder = output_directory(cluster_files.root(place.cluster), job_id)
        listing = cluster_files.listing(place.cluster, folder)
    except (ClusterError, Unavailable, NotFound):
        return OutputFiles(left, None)
    return OutputFiles(tuple(sorted(listing.files, key=lambda file: file.path)), listing.listed_at)


def readable_path(session: Session, place: JobPlace, path: str) -> str:
    """A path below a job's output that may be read: one that is listed, or of a job that runs any that stays inside.

    Raises NotFound.
    """
    if place.status is JobStatus.RUNNING and is_plain_path(path):
        return path
    return artifact(session, place.id, path).path


def whole_checkpoints(found: OutputFiles) -> list[RemoteFile]:
    """The files of checkpoints; while a job runs, of those that are not just being written."""
    own = [file for file in found.files if file.path.startswith("checkpoint-") and "/" in file.path]
    if found.listed_at is None:
        return own
    folders = {file.path.removesuffix(f"/{FINISHED_BY}") for file in own if file.path.endswith(f"/{FINISHED_BY}")}
    return [file for file in own if file.path.partition("/")[0] in folders]


def _as_left(rows: Sequence[Artifact]) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(row.path, row.size_bytes, row.modified_at) for row in rows)
