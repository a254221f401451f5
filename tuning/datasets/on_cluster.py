"""Data sets that lie on a cluster: announced, looked at there by a job, and then ready or refused."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from tuning.datasets import repository
from tuning.datasets.check.report import DatasetReport
from tuning.datasets.models import Dataset
from tuning.datasets.service import check_name, get
from tuning.datasets.status import DatasetStatus
from tuning.errors import Conflict, Finding
from tuning.ids import new_id
from tuning.storable import LARGEST_BIGINT, count_values, storable_json, storable_text

_MAX_FINDINGS = 1000
_MAX_TEXT = 4_000
"""Characters of one message, name or place."""
_MAX_PLACES = 20
_MAX_REPORT_VALUES = 20_000
"""A report has some thousands: twenty places of each reason, and the bins of three histograms."""
_MAX_HEAD_BYTES = 64 * 1024
_report = TypeAdapter(DatasetReport)


class _WrittenReport(BaseModel):
    """The report of tuning.datasets.check.cluster_program: it comes from a cluster, and is held to its form."""

    model_config = ConfigDict(frozen=True)

    report: dict[str, Any] = Field(default_factory=dict)
    entry: dict[str, Any] = Field(default_factory=dict)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = "0" * 64
    size_bytes: int = Field(default=0, ge=0, le=LARGEST_BIGINT)
    head: str = Field(default="", max_length=2 * _MAX_HEAD_BYTES)
    findings: Annotated[list[Finding], Field(max_length=_MAX_FINDINGS)] | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Cluster and path of a data set."""

    cluster: str
    path: str


@dataclass(frozen=True)
class Accepted:
    """The file is good, and its content lies in its place."""

    report: DatasetReport
    entry: dict[str, Any]
    sha256: str
    size_bytes: int
    head: bytes


@dataclass(frozen=True)
class Refused:
    """The file cannot be trained on."""

    findings: tuple[Finding, ...]


ClusterReport = Accepted | Refused


def announce(session: Session, *, name: str, owner_id: str, where: Whereabouts, now: datetime) -> Dataset:
    """The row of a data set that is yet to be looked at. Raises InvalidInput for its name."""
    dataset = Dataset(
        id=new_id("ds"),
        owner_id=owner_id,
        name=check_name(name),
        sha256="",
        size_bytes=0,
        extension="",
        format="",
        entry={},
        report={},
        created_at=now,
        status=DatasetStatus.CHECKING,
        cluster=where.cluster,
        cluster_path=where.path,
    )
    session.add(dataset)
    session.flush()
    return dataset


def check_again(session: Session, dataset_id: str, job_id: str) -> None:
    """This job looks once more at what was refused. Raises NotFound, and Conflict when it is ready or being checked."""
    if not repository.begin_check(session, dataset_id, job_id):
        status = get(session, dataset_id).status
        hint = "to take in a file that has changed, add it as another data set"
        raise Conflict(f"data set {dataset_id} is {status}", hint=hint if status is DatasetStatus.READY else None)


def parse_report(text: bytes | None) -> ClusterReport | None:
    """The report that a check has written; None when it is not whole, or holds values that no check writes."""
    try:
        written = _WrittenReport.model_validate_json(text or b"")
        if written.findings is not None:
            return Refused(tuple(_storable(finding) for finding in written.findings))
        return _accepted(written)
    except (ValidationError, binascii.Error, UnicodeEncodeError):
        return None


def _accepted(written: _WrittenReport) -> Accepted | None:
    if (
        count_values([written.report, written.entry]) > _MAX_REPORT_VALUES
        or storable_json(written.entry, _MAX_TEXT) != written.entry
    ):
        return None
    head = base64.b64decode(written.head.encode("ascii"), validate=True)
    report = _report.validate_python(storable_json(written.report, _MAX_TEXT))
    return Accepted(report, written.entry, written.sha256, written.size_bytes, head)


def settle(session: Session, check_job: str, found: ClusterReport, now: datetime) -> None:
    """Write down what a check found; of a data set that was deleted meanwhile too, so that its content is removed."""
    dataset = repository.find_checked_by(session, check_job)
    if dataset is None or dataset.status is not DatasetStatus.CHECKING:
        return
    if isinstance(found, Refused):
        dataset.status = DatasetStatus.REFUSED
        dataset.findings = [finding_json(finding) for finding in found.findings]
    else:
        _make_ready(session, dataset, found, now)
    session.flush()


def finding_json(finding: Finding) -> dict[str, Any]:
    """Finding in the form that a row keeps."""
    return {"loc": list(finding.loc), "message": finding.message, "hint": finding.hint}


def _make_ready(session: Session, dataset: Dataset, found: Accepted, now: datetime) -> None:
    report = found.report
    dataset.status = DatasetStatus.READY
    dataset.sha256, dataset.size_bytes, dataset.head = found.sha256, found.size_bytes, found.head
    dataset.extension, dataset.format, dataset.entry = report.encoding, report.format, found.entry
    dataset.report = report.as_json()
    if dataset.cluster is not None:
        repository.mark_staged(session, dataset.cluster, dataset.sha256, now)


def _storable(finding: Finding) -> Finding:
    """PostgreSQL's JSON holds no NUL, which a message may quote."""
    places = (storable_text(place, _MAX_TEXT) if isinstance(place, str) else place for place in finding.loc)
    hint = storable_text(finding.hint, _MAX_TEXT) if finding.hint else None
    return Finding(tuple(places)[:_MAX_PLACES], storable_text(finding.message, _MAX_TEXT), hint, finding.severity)
