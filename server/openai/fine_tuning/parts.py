"""Parts of jobs' answers that are not in their rows, gathered in a handful of queries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.feed.cache import Feed
from server.feed.queue.view import Outlook, expected_values
from server.openai.fine_tuning.job import FineTuningJob, JobParts, fine_tuning_job
from tuning.datasets import repository as datasets
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.queries.results import base_of, name_of
from tuning.jobs.status import NOT_BEGUN
from tuning.models.names import ResultName, result_name
from tuning.people.queries import team_names
from tuning.settings import ClusterSettings


class Shown:
    """Jobs as OpenAI's API shows them."""

    def __init__(self, session: Session, clusters: Mapping[str, ClusterSettings], feed: Feed) -> None:
        self._session, self._clusters, self._feed = session, clusters, feed

    def one(self, job: Job) -> FineTuningJob:
        """One job."""
        return self.all([job])[0]

    def all(self, jobs: Sequence[Job]) -> list[FineTuningJob]:
        """Jobs in their order."""
        session, waiting = self._session, [(job.cluster, job.id) for job in jobs if job.status in NOT_BEGUN]
        sources = requests.jobs_by_id(session, {job.source_job for job in jobs if job.source_job})
        teams = team_names(session, (job.team_id for job in (*jobs, *sources.values())))
        own = requests.belongings(session, [job.id for job in jobs])
        rows = datasets.by_ids(session, {each for job in jobs for each in own.datasets.get(job.id, ())})
        outlooks = self._feed.queues.outlooks(session, iter(waiting))
        return [
            fine_tuning_job(
                job,
                JobParts(
                    model=self._model(job, sources, teams),
                    result=name_of(job, teams[job.team_id]),
                    tags=own.tags.get(job.id, {}),
                    datasets=(used := own.datasets.get(job.id, ())),
                    checked={each: rows[each].status for each in used if each in rows},
                    expected_end_at=_expected_end(job, outlooks.get(job.id)),
                ),
            )
            for job in jobs
        ]

    def _model(self, job: Job, sources: Mapping[str, Job], teams: Mapping[str, str]) -> str:
        """The name of the model that it began from."""
        if job.source_job is None:
            return self._in_catalogue(job)
        source = sources.get(job.source_job)
        if source is not None:
            return name_of(source, teams[source.team_id], job.source_checkpoint)
        return result_name(ResultName(job.source_job, job.source_checkpoint), base_of(job), "", "")

    def _in_catalogue(self, job: Job) -> str:
        """Its name in the cluster's catalogue; a path or hub id that is not in there as it is."""
        path, cluster = base_of(job), self._clusters.get(job.cluster)
        catalogue: Iterable[tuple[str, str]] = cluster.models.items() if cluster is not None else ()
        return next((name for name, its in catalogue if its == path), path)


def _expected_end(job: Job, outlook: Outlook | None) -> datetime | None:
    """By the forecast of a job that waits, by the run's own pace of another."""
    expected: datetime | None = expected_values(outlook, job.updated_at).get("expected_end_at", job.expected_end_at)
    return expected
