"""A data set as the API shows it."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from server.http.errors.problems import ProblemError
from tuning.datasets.check.layouts.formats import Formatting, Purpose, purpose_of
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus

_FINDINGS_IN_LISTS = 3


class DatasetInfo(BaseModel):
    """A data set; what is in it is told by its report. Until it is ready, what only a check can tell is null."""

    id: str
    object: Literal["dataset"] = "dataset"
    name: str
    owner: str
    status: DatasetStatus = Field(description="An upload is ready at once; data on a cluster is checked there first.")
    format: Formatting | None
    purpose: Purpose | None = Field(
        description="Training that it is for: sft (stage sft), ranking (dpo, rm), kto (kto) or pretrain (pt); "
        "questions are predicted on."
    )
    rows: int | None
    made_from: Literal["csv", "parquet", "text", "openai", "questions"] | None = Field(
        description="The table that was sent; it is kept as JSON lines."
    )
    media_files: int | None = Field(description="Images, videos and audios that came along in one archive.")
    kept: int | None = Field(description="Rows that LLaMA-Factory trains on.")
    dropped: int | None = Field(description="Rows that LLaMA-Factory leaves out; the report says which, and why.")
    size_bytes: int | None
    sha256: str | None
    created_at: datetime
    cluster: str | None = Field(description="The cluster on which alone it lies; null for an upload.")
    cluster_path: str | None = Field(description="The path at which it was found there.")
    check_job: str | None = Field(description="The latest job that looked at it there.")
    findings: list[ProblemError] | None = Field(description="The reasons for which it was refused.")
    shortened: list[str] = Field(
        default_factory=list,
        description="In lists: the fields of which only a part is here; `GET /datasets/{id}` has all of it.",
    )

    @classmethod
    def of(cls, dataset: Dataset, owner: str) -> Self:
        """From its row."""
        is_ready = dataset.status is DatasetStatus.READY
        report = dataset.report if is_ready else {}
        return cls(
            id=dataset.id,
            name=dataset.name,
            owner=owner,
            status=dataset.status,
            format=dataset.format if is_ready else None,
            purpose=purpose_of(dataset.entry) if is_ready else None,
            rows=report.get("rows"),
            made_from=report.get("made_from"),
            media_files=report.get("media_files"),
            kept=report.get("kept"),
            dropped=report.get("dropped"),
            size_bytes=dataset.size_bytes if is_ready else None,
            sha256=dataset.sha256 if is_ready else None,
            created_at=dataset.created_at,
            cluster=dataset.cluster,
            cluster_path=dataset.cluster_path,
            check_job=dataset.check_job,
            findings=dataset.findings,
        )

    @classmethod
    def summary(cls, dataset: Dataset, owner: str) -> Self:
        """A data set as a list shows it, with the first findings only."""
        whole = cls.of(dataset, owner)
        if whole.findings is None or len(whole.findings) <= _FINDINGS_IN_LISTS:
            return whole
        return whole.model_copy(update={"findings": whole.findings[:_FINDINGS_IN_LISTS], "shortened": ["findings"]})
