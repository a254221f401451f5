"""Uploads in parts as the API takes and shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from tuning.datasets.check.layouts.formats import Formatting, Purpose
from tuning.datasets.models import PartUpload, UploadPart
from tuning.datasets.part_uploads import MOST_PARTS, ShownStatus, status_at
from tuning.datasets.service import MAX_NAME_LENGTH

MOST_BYTES = 2**63 - 1
PartNumber = Annotated[int, Field(ge=1, le=MOST_PARTS, description="Its place in the file, from 1.")]


class UploadRequest(BaseModel):
    """A file that is to come in parts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=MAX_NAME_LENGTH, description="The file's, with its ending.")
    size_bytes: int = Field(ge=1, le=MOST_BYTES, description="Of the whole file.")
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="Of the whole file: by it a broken upload is found again, and the whole is checked at its end.",
    )


class UploadCompletionRequest(BaseModel):
    """The data set that an upload is to become."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        description="By default the file's name without its ending.",
    )
    format: Formatting | None = Field(
        default=None, description="Refuse the file unless it has this form. By default it is found out."
    )
    purpose: Purpose | None = Field(
        default=None, description="What it teaches, where its columns serve more than one; found out too."
    )
    entry: dict[str, Any] | None = Field(
        default=None,
        description="LLaMA-Factory's entry for it: formatting, columns, tags, ranking, num_samples. "
        "By default all is found out.",
    )


class UploadPartInfo(BaseModel):
    """A part that has arrived whole."""

    number: PartNumber
    size_bytes: int

    @classmethod
    def of(cls, number: int, part: UploadPart) -> Self:
        """From its row."""
        return cls(number=number, size_bytes=part.size_bytes)


class UploadInfo(BaseModel):
    """An upload in parts, and the parts that have arrived."""

    id: str = Field(description="Its id, for its parts.")
    object: Literal["upload"] = "upload"
    name: str = Field(description="The file's name.")
    size_bytes: int = Field(description="Of the whole file, as it was announced.")
    sha256: str | None = Field(description="Of the whole file, as it was announced.")
    status: ShownStatus = Field(description="Only a pending one takes parts.")
    created_at: datetime
    expires_at: datetime = Field(description="When it is removed, unless a part comes before.")
    parts: list[UploadPartInfo] = Field(description="Those that have arrived, in their order.")
    dataset_id: str | None = Field(description="The data set that it became.")

    @classmethod
    def of(cls, upload: PartUpload, parts: Sequence[UploadPart], now: datetime) -> Self:
        """From its rows."""
        return cls(
            id=upload.id,
            name=upload.file_name,
            size_bytes=upload.size_bytes,
            sha256=upload.fingerprint,
            status=status_at(upload, now),
            created_at=upload.created_at,
            expires_at=upload.expires_at,
            parts=[UploadPartInfo.of(part.number, part) for part in parts if part.number is not None],
            dataset_id=upload.dataset_id,
        )
