"""Uploads that their check refused, kept with what is wrong with them.

OpenAI's clients upload first, and learn at the job why a file is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.models import Dataset
from tuning.datasets.on_cluster import finding_json
from tuning.datasets.service import KeptFile, check_name, keep
from tuning.datasets.status import DatasetStatus
from tuning.datasets.storage.store import ContentStore, Incoming, StoredContent
from tuning.errors import Finding, InvalidInput
from tuning.ids import new_id


@dataclass(frozen=True)
class RefusedFile:
    """A file that cannot be trained on, as it was sent, in the store."""

    content: StoredContent
    findings: Sequence[Finding]


def keep_any(store: ContentStore, incoming: Incoming, file_name: str, check: BoundedCheck) -> KeptFile | RefusedFile:
    """Check what has come in, and put it into the store whatever the check finds.

    Raises StorageFull, CheckCut, Unavailable.
    """
    try:
        return keep(store, incoming, None, check, file_name)
    except InvalidInput as error:
        return RefusedFile(incoming.keep("jsonl"), error.findings)


def create_refused(session: Session, file: RefusedFile, *, name: str, owner_id: str, now: datetime) -> Dataset:
    """The row of a file that was refused. Raises InvalidInput for its name."""
    dataset = Dataset(
        id=new_id("ds"),
        owner_id=owner_id,
        name=check_name(name),
        sha256=file.content.sha256,
        size_bytes=file.content.size_bytes,
        extension="jsonl",
        format="",
        entry={},
        report={},
        created_at=now,
        status=DatasetStatus.REFUSED,
        findings=[finding_json(finding) for finding in file.findings],
    )
    session.add(dataset)
    session.flush()
    return dataset
