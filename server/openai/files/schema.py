"""Files as OpenAI's API shows them."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel

from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus

FINE_TUNE: Literal["fine-tune"] = "fine-tune"
RESULTS: Literal["fine-tune-results"] = "fine-tune-results"
_MOST_FINDINGS_TOLD = 3
_STATUSES: dict[DatasetStatus, Literal["uploaded", "processed", "error"]] = {
    DatasetStatus.CHECKING: "uploaded",
    DatasetStatus.READY: "processed",
    DatasetStatus.REFUSED: "error",
}


class FileObject(BaseModel):
    """A file; of one with the status `error`, `status_details` has the first things that are wrong."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: Literal["fine-tune", "fine-tune-results"]
    status: Literal["uploaded", "processed", "error"]
    status_details: str | None = None
    expires_at: int | None = None

    @classmethod
    def of(cls, dataset: Dataset, file_id: str) -> Self:
        """From the row of a data set."""
        return cls(
            id=file_id,
            bytes=dataset.size_bytes,
            created_at=unix_seconds(dataset.created_at),
            filename=dataset.name,
            purpose=FINE_TUNE,
            status=_STATUSES[dataset.status],
            status_details=_details(dataset),
            expires_at=unix_seconds(dataset.expires_at) if dataset.expires_at is not None else None,
        )


class DeletedObject(BaseModel):
    """Answer to the deletion of a thing."""

    id: str
    object: str
    deleted: Literal[True] = True


def unix_seconds(moment: datetime) -> int:
    """A time as OpenAI's API tells it."""
    return int(moment.timestamp())


def _details(dataset: Dataset) -> str | None:
    findings = dataset.findings or []
    told = [str(finding["message"]) for finding in findings[:_MOST_FINDINGS_TOLD]]
    more = [f"and {len(findings) - len(told)} more"] if len(findings) > len(told) else []
    return "; ".join(told + more) or None
