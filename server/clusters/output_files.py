"""Files of a job's output folder: as its last attempt left them, or as they are now while it runs."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from server.clusters.files import PersonFiles, RemoteFile
from tuning.db.engine import transaction
from tuning.errors import ClusterError, NotFound, Unavailable
from tuning.jobs.layout import output_directory
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
    """Time at which the files of a running job were listed; None: as its last attempt left them."""


def output_files(
    sessions: sessionmaker[Session], job_id: str, reader: Reader, cluster_files: PersonFiles
) -> OutputFiles:
    """The files of a job. Those of one that runs are asked of its cluster; where that cannot be, as last known.

    Raises NotFound where there is no such job that the reader may see.
    """
    with transaction(sessions) as session:
        place = job_place(session, job_id, reader)
        left = files_as_left(session, job_id)
    if place.status is not JobStatus.RUNNING:
        return left
    try:
        folder = output_directory(cluster_files.root(place.cluster), job_id)
        listing = cluster_files.listing(place.cluster, folder)
    except (ClusterError, Unavailable, NotFound):
        return left
    return OutputFiles(tuple(sorted(listing.files, key=lambda file: file.path)), listing.listed_at)


def files_as_left(session: Session, job_id: str) -> OutputFiles:
    """The files of a job as its last attempt left them; nothing is asked of the cluster."""
    rows = artifacts_of(session, job_id)
    return OutputFiles(tuple(RemoteFile(row.path, row.size_bytes, row.modified_at) for row in rows), None)


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
