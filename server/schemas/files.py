"""Files of a run as the API shows them: artifacts, and checkpoints made of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from server.clusters.files import RemoteFile
from server.clusters.output_files import OutputFiles, whole_checkpoints
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.queries.sources import steps_among
from tuning.llamafactory.outcome.artifacts import ArtifactKind, describe


class ArtifactInfo(BaseModel):
    """A file that a run left in its output folder."""

    path: str = Field(description="Relative to the output folder.")
    kind: ArtifactKind
    description: str
    size_bytes: int
    modified_at: datetime
    url: str


class Artifacts(BaseModel):
    """All files of a job."""

    data: list[ArtifactInfo]
    total_bytes: int
    listed_at: datetime | None = Field(
        default=None,
        description="When the files of a job that runs were looked at; null: as its last attempt left them.",
    )

    @classmethod
    def of(cls, found: OutputFiles, path: str) -> Self:
        """From the files; `path` is that of the list on this server."""
        return cls(
            data=[_artifact(file, path) for file in found.files],
            total_bytes=sum(file.size_bytes for file in found.files),
            listed_at=found.listed_at,
        )


class CheckpointInfo(BaseModel):
    """The model as it was after a step: to use it (source_job with checkpoint), or to go on from."""

    step: int
    path: str = Field(description="Of its files among the artifacts.")
    size_bytes: int
    files: int
    modified_at: datetime
    is_being_removed: bool


class Checkpoints(BaseModel):
    """All checkpoints of a job, the oldest first."""

    data: list[CheckpointInfo]
    total_bytes: int
    listed_at: datetime | None = Field(
        default=None,
        description="When those of a job that runs were looked at; null: as its last attempt left them.",
    )

    @classmethod
    def of(cls, found: OutputFiles, unwanted: Iterable[str]) -> Self:
        """From the files; `unwanted` are the paths that are being removed."""
        rows, unwanted = whole_checkpoints(found), frozenset(unwanted)
        steps = sorted(steps_among(row.path for row in rows))
        shown = [_checkpoint(step, rows, is_being_removed=checkpoint_path(step) in unwanted) for step in steps]
        total_bytes = sum(checkpoint.size_bytes for checkpoint in shown)
        return cls(data=shown, total_bytes=total_bytes, listed_at=found.listed_at)


def _artifact(file: RemoteFile, path: str) -> ArtifactInfo:
    kind, description = describe(file.path)
    return ArtifactInfo(
        path=file.path,
        kind=kind,
        description=description,
        size_bytes=file.size_bytes,
        modified_at=file.modified_at,
        url=f"{path}/{quote(file.path)}",
    )


def _checkpoint(step: int, rows: Sequence[RemoteFile], *, is_being_removed: bool) -> CheckpointInfo:
    own = [row for row in rows if row.path.startswith(f"checkpoint-{step}/")]
    return CheckpointInfo(
        step=step,
        path=f"checkpoint-{step}",
        size_bytes=sum(row.size_bytes for row in own),
        files=len(own),
        modified_at=max(row.modified_at for row in own),
        is_being_removed=is_being_removed,
    )
