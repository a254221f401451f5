"""A new file, from its upload to its row: checked, and kept whatever the check finds."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath

from sqlalchemy.orm import Session

from server.openai.files.schema import FINE_TUNE, FileObject
from server.openai.ids import file_id_of
from server.uploads.intake import Intake
from tuning.datasets import service
from tuning.datasets.models import Dataset
from tuning.datasets.refused_files import RefusedFile, create_refused, keep_any
from tuning.datasets.service import KeptFile
from tuning.datasets.storage.store import Incoming
from tuning.errors import Finding, InvalidInput


@dataclass(frozen=True)
class NewFile:
    """A file that is in the store, and what its sender says of it."""

    name: str
    kept: KeptFile | RefusedFile
    keeps_seconds: int | None


def check_purpose(purpose: str | None) -> None:
    """Raises InvalidInput for a purpose that no file has here."""
    if purpose != FINE_TUNE:
        message = f"the purpose is {purpose[:80]!a}" if purpose is not None else "purpose is missing"
        raise InvalidInput([Finding(("purpose",), message, f"files are for training here: purpose={FINE_TUNE}")])


def file_name_of(sent: str | None) -> str:
    """Name of a file as it is kept. Raises InvalidInput."""
    return service.check_name(PurePosixPath(sent or "").name or "data")


async def keep_file(intake: Intake, incoming: Incoming, name: str, keeps_seconds: int | None) -> NewFile:
    """Put what has come in into the store. Raises InvalidInput for an empty file, StorageFull, Unavailable."""
    if incoming.size_bytes == 0:
        raise InvalidInput([Finding(("file",), "the file is empty", "send at least one row")])
    kept = await intake.check(name, partial(keep_any, intake.store, incoming, name))
    return NewFile(name, kept, keeps_seconds)


def create_file(session: Session, intake: Intake, file: NewFile) -> Dataset:
    """The row of a file. Raises InvalidInput for its name."""
    owner_id, now = intake.user.user_id, intake.now
    if isinstance(file.kept, RefusedFile):
        dataset = create_refused(session, file.kept, name=file.name, owner_id=owner_id, now=now)
    else:
        dataset = service.create(session, file.kept, name=file.name, owner_id=owner_id, now=now)
    if file.keeps_seconds is not None:
        dataset.expires_at = now + timedelta(seconds=file.keeps_seconds)
    return dataset


def created_object(session: Session, intake: Intake, file: NewFile) -> FileObject:
    """A new file as it is answered. Raises InvalidInput for its name."""
    dataset = create_file(session, intake, file)
    return FileObject.of(dataset, file_id_of(dataset.id))
