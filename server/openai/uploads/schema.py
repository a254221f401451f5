"""Uploads in parts as OpenAI's API takes and shows them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from server.openai.expiry import ExpiresAfter
from server.openai.files.schema import FINE_TUNE, FileObject, unix_seconds
from tuning.datasets.models import PartUpload, UploadPart
from tuning.datasets.part_uploads import MOST_PARTS, ShownStatus, status_at


class UploadBody(BaseModel):
    """The file that is to come."""

    model_config = ConfigDict(extra="forbid")

    bytes: int = Field(ge=1)
    filename: str = Field(min_length=1, max_length=1000)
    mime_type: str = Field(default="", max_length=200)
    purpose: str = Field(max_length=100)
    expires_after: ExpiresAfter | None = None


class CompletionBody(BaseModel):
    """The parts of the whole file, in its order."""

    model_config = ConfigDict(extra="forbid")

    part_ids: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=MOST_PARTS)
    md5: str | None = Field(default=None, max_length=100)


class UploadObject(BaseModel):
    """An upload; `file` once it is complete."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Literal["fine-tune"] = FINE_TUNE
    status: ShownStatus
    file: FileObject | None = None

    @classmethod
    def of(cls, upload: PartUpload, now: datetime, file: FileObject | None = None) -> Self:
        """From its row."""
        return cls(
            id=upload.id,
            bytes=upload.size_bytes,
            created_at=unix_seconds(upload.created_at),
            expires_at=unix_seconds(upload.expires_at),
            filename=upload.file_name,
            status=status_at(upload, now),
            file=file,
        )


class PartObject(BaseModel):
    """A part that has arrived."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str

    @classmethod
    def of(cls, part: UploadPart) -> Self:
        """From its row."""
        return cls(id=part.id, created_at=unix_seconds(part.created_at), upload_id=part.upload_id)
