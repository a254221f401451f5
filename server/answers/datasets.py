"""Data sets as answers show them: lists, the report of one, and its first rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, BinaryIO

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session, sessionmaker

from server.dependencies import FileChecksDep, SessionsDep, StoreDep, in_transaction
from server.file_checks import FileChecks
from server.schemas.dataset import DatasetInfo
from tuning.datasets import service
from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.check.report import DatasetReport, Truncation, truncation
from tuning.datasets.models import Dataset
from tuning.datasets.rows.preview import PreviewQuery, PreviewSource
from tuning.datasets.storage.store import ContentStore
from tuning.people.directory import owner_is_seen
from tuning.people.queries import user_names
from tuning.people.tokens import Principal


@dataclass(frozen=True)
class ReportAnswer(DatasetReport):
    """The report of a data set; `truncation` where a cutoff_len was named."""

    truncation: Truncation | None = None


_report = TypeAdapter(ReportAnswer)


def report_of(dataset: Dataset, cutoff_len: int | None = None) -> ReportAnswer:
    """The report of a data set that is ready, with the number of rows beyond a cutoff_len."""
    report = _report.validate_python(dataset.report)
    return report if cutoff_len is None else replace(report, truncation=truncation(report, cutoff_len))


def listed_datasets(session: Session, datasets: Sequence[Dataset]) -> list[DatasetInfo]:
    """Data sets as a list shows them, with their owners' names."""
    names = user_names(session, [dataset.owner_id for dataset in datasets])
    return [DatasetInfo.summary(dataset, names[dataset.owner_id]) for dataset in datasets]


@dataclass(frozen=True)
class Previews:
    """First rows of data sets, read in a process of their own while no session is held."""

    sessions: sessionmaker[Session]
    store: ContentStore
    checks: FileChecks

    async def read(self, request: Request, dataset_id: str, reader: Principal, wish: PreviewQuery) -> bytes:
        """A tuning.datasets.rows.preview.Preview as JSON. Raises NotFound, Conflict, InvalidInput, Unavailable."""
        seen = owner_is_seen(reader, Dataset.owner_id)
        find = partial(_found, dataset_id=dataset_id, seen=seen, store=self.store, wish=wish)
        dataset, stream = await run_in_threadpool(in_transaction, self.sessions, find)
        with stream:
            make = partial(_shown, stream=stream, dataset=dataset, wish=wish)
            return await self.checks.run(request, self.checks.previewing, (reader.user_id, dataset.name), make)


async def get_previews(sessions: SessionsDep, store: StoreDep, checks: FileChecksDep) -> Previews:
    """For routes that show rows."""
    return Previews(sessions, store, checks)


PreviewsDep = Annotated[Previews, Depends(get_previews)]


def _found(
    session: Session, *, dataset_id: str, seen: ColumnElement[bool], store: ContentStore, wish: PreviewQuery
) -> tuple[Dataset, BinaryIO]:
    dataset = service.get_ready(session, dataset_id, seen)
    wish.found_template()  # what is wrong with the wish is told at once
    return dataset, service.open_content(store, dataset)


def _shown(check: BoundedCheck, *, stream: BinaryIO, dataset: Dataset, wish: PreviewQuery) -> bytes:
    return check.preview(stream, PreviewSource(dataset.extension, dataset.format, dataset.entry), wish)
