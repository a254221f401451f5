"""Values of the page of a job, from the rows and the feed; nothing is asked of its cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.answers.jobs import shown
from server.answers.queue import Before, job_entry, jobs_before
from server.answers.texts import JobTexts, texts_of
from server.clusters.output_files import files_as_left
from server.clusters.views import ClusterViews
from server.dashboard.job.actions import Actions
from server.dashboard.job.configuration import Setting, settings_of
from server.feed.cache import Feed
from server.feed.events import Event, as_event
from server.schemas.files import Artifacts, CheckpointInfo, Checkpoints
from server.schemas.job import JobJson
from server.schemas.queue import QueueEntry
from tuning.datasets import repository as datasets
from tuning.datasets.models import Dataset
from tuning.errors import Conflict, NotFound
from tuning.jobs.actions.removals import unwanted_paths
from tuning.jobs.models import Job
from tuning.jobs.queries.feed import newest_events
from tuning.jobs.queries.lineage import Relative, offspring, origins
from tuning.jobs.queries.queue.queue_entries import job_names
from tuning.jobs.sight import sight_of
from tuning.jobs.status import ENDED, NOT_BEGUN
from tuning.people.directory import owner_is_seen
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.settings import ClusterSettings

MOST_EVENTS = 200
MOST_FILES = 300
MOST_BEFORE = 10


@dataclass(frozen=True)
class Sources:
    """Sources of the values, and the person who looks."""

    session: Session
    feed: Feed
    clusters: Mapping[str, ClusterSettings]
    views: ClusterViews
    reader: Principal


@dataclass(frozen=True)
class Place:
    """Place of a job that has not begun: its entry, the jobs before it, and names of those that it waits for."""

    entry: QueueEntry
    before: Before
    names: Mapping[str, str]


@dataclass(frozen=True)
class Texts:
    """Texts of an attempt; `problem` says why there are none, of a job that never was submitted nothing."""

    attempt: int
    texts: JobTexts | None
    settings: Sequence[Setting]
    problem: str | None = None


@dataclass(frozen=True)
class Files:
    """Files as the last attempt left them: checkpoints, and of the others at most MOST_FILES."""

    others: Artifacts
    has_more: bool
    checkpoints: Sequence[CheckpointInfo]


@dataclass(frozen=True)
class UsedDataset:
    """A data set that the job uses; without a name where the reader may not see it."""

    id: str
    name: str | None


@dataclass(frozen=True)
class JobView:
    """Contents of the page of a job."""

    job: JobJson
    actions: Actions
    place: Place | None
    events: Sequence[Event]
    """The newest first."""
    texts: Texts
    files: Files
    datasets: Sequence[UsedDataset]
    origins: Sequence[Relative]
    offspring: Sequence[Relative]

    def end_after(self, seconds: float) -> datetime | None:
        """The end, were so many seconds left in place of those that are expected."""
        its = self.job.progress
        if its.expected_end_at is None or its.eta_seconds is None:
            return None
        return its.expected_end_at + timedelta(seconds=seconds - its.eta_seconds)

    @property
    def newest_event(self) -> int:
        """Id of the newest event that is shown: what comes after it is news."""
        return self.events[0].id if self.events else 0

    @property
    def marks(self) -> list[dict[str, object]]:
        """Places to mark in the charts: beginnings of further attempts, and checkpoints."""
        attempts = [
            {"x": each.resumed_step or each.first_step or 0, "kind": "attempt", "number": each.number}
            for each in self.job.attempts
            if each.number > 1 and (each.resumed_step is not None or each.first_step is not None)
        ]
        saved = {event.data.get("step") for event in self.events if event.type == "checkpoint.saved"}
        saved |= {checkpoint.step for checkpoint in self.files.checkpoints}
        return [*attempts, *({"x": step, "kind": "checkpoint", "number": step} for step in sorted(filter(None, saved)))]


def job_view(sources: Sources, job: Job, attempt: int | None) -> JobView:
    """The values for a job that the reader may see; `attempt` is that whose texts are shown."""
    session, reader = sources.session, sources.reader
    answer, files, sight = shown(session, job, sources.feed), _files(session, job), sight_of(reader)
    return JobView(
        job=answer,
        actions=Actions.of(
            answer,
            may_change=reader.may_change(job.owner_id, job.team_id),
            may_submit=reader.scope.includes(Scope.SUBMIT),
            has_checkpoint=bool(files.checkpoints),
        ),
        place=_place(sources, job) if job.status in NOT_BEGUN else None,
        events=[as_event(row) for row in newest_events(session, job.id, MOST_EVENTS)],
        texts=_texts(sources, job, attempt),
        files=files,
        datasets=_datasets(session, answer.datasets, reader),
        origins=origins(session, job, answer.depends_on, sight),
        offspring=offspring(session, job.id, sight),
    )


def _place(sources: Sources, job: Job) -> Place:
    session, feed, reader = sources.session, sources.feed, sources.reader
    entry = job_entry(session, feed, job, reader)
    names = job_names(session, [each.job_id for each in entry.waits_for.held_by])
    return Place(entry, jobs_before(session, feed, job, reader, MOST_BEFORE), names)


def _texts(sources: Sources, job: Job, attempt: int | None) -> Texts:
    number = attempt or job.attempt
    if attempt is None and job.status in ENDED and job.attempt == 0:
        return Texts(0, None, settings_of(job.config))
    try:
        texts = texts_of(sources.session, job, attempt, sources.clusters, sources.views)
    except (Conflict, NotFound) as error:
        return Texts(number, None, settings_of(job.config), str(error))
    return Texts(number, texts, settings_of(job.config, texts.config_yaml))


def _files(session: Session, job: Job) -> Files:
    found = files_as_left(session, job.id)
    checkpoints = Checkpoints.of(found, unwanted_paths(session, job.id))
    artifacts = Artifacts.of(found, f"/api/v1/jobs/{job.id}/artifacts")
    others = [file for file in artifacts.data if file.kind != "checkpoint"]
    shown_ones = artifacts.model_copy(update={"data": others[:MOST_FILES]})
    return Files(shown_ones, len(others) > MOST_FILES, checkpoints.data)


def _datasets(session: Session, ids: Sequence[str], reader: Principal) -> list[UsedDataset]:
    known = datasets.by_ids(session, ids, owner_is_seen(reader, Dataset.owner_id))
    return [UsedDataset(each, known[each].name if each in known else None) for each in ids]
