"""Rows of data sets, of their copies on clusters, and of uploads that arrive in parts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tuning.datasets.status import DatasetStatus, UploadStatus
from tuning.db.engine import Base

StatusWord = Enum(
    DatasetStatus, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum]
)

UploadWord = Enum(
    UploadStatus, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum]
)


class Dataset(Base):
    """A file under a name, uploaded or found on a cluster; the content itself is addressed by its SHA-256.

    What only a check can tell (sha256, size_bytes, extension, format, entry, report) is empty until it has told.
    """

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    extension: Mapped[str] = mapped_column(String(8))
    """json or jsonl: LLaMA-Factory chooses its loader by it. Or tar: rows with their media (datasets.archive)."""
    format: Mapped[str] = mapped_column(String(16))
    """alpaca or sharegpt."""
    entry: Mapped[dict[str, Any]]
    """Its dataset_info.json entry: formatting, columns, tags; file_name only where an archive is unpacked."""
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
    deleted_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    """From then on it is deleted as soon as no job uses it; None = never."""
    status: Mapped[DatasetStatus] = mapped_column(StatusWord, default=DatasetStatus.READY)
    cluster: Mapped[str | None] = mapped_column(String(32))
    """Where the content lies and nowhere else; None for an upload, which lies in the server's store."""
    cluster_path: Mapped[str | None] = mapped_column(String(1000))
    """Where it was found there."""
    check_job: Mapped[str | None] = mapped_column(String(32), index=True)
    """The latest job that looked at it. No foreign key: an ended job may be deleted."""
    findings: Mapped[list[Any] | None]
    """Why it was refused: loc, message and hint of each finding."""
    head: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The first bytes of rows that only a cluster has, or that lie in an archive, to be looked at; not loaded with
    lists."""


class DatasetCopy(Base):
    """A content that lies whole on a cluster."""

    __tablename__ = "dataset_copies"

    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    staged_at: Mapped[datetime]


class PartUpload(Base):
    """A file that arrives in parts, each of which may be sent again by itself."""

    __tablename__ = "part_uploads"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    """Of the whole file, as its sender announced it."""
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """Any text by which its sender finds the upload of the same file again."""
    keeps_seconds: Mapped[int | None]
    """How long its data set is to be kept; None = until it is deleted."""
    status: Mapped[UploadStatus] = mapped_column(UploadWord)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    dataset_id: Mapped[str | None] = mapped_column(String(32))
    """What it became. No foreign key: it says so too when that was deleted."""


class UploadPart(Base):
    """A part that lies whole on the server's disk."""

    __tablename__ = "upload_parts"
    __table_args__ = (Index("ix_upload_parts_upload_id_number", "upload_id", "number", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("part_uploads.id", ondelete="CASCADE"))
    number: Mapped[int | None]
    """Its place in the file, where its sender gives it with the part and not at the end."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
