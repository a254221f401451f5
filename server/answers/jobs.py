"""Jobs as answers show them: found, checked for who may change them, with names, belongings and outlook."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from server.feed.cache import Feed
from server.feed.queue.view import Outlook
from server.schemas.job import JobJson, JobNames
from tuning.clusters.attendance import Absence
from tuning.errors import NotAllowed, NotFound
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.status import NOT_BEGUN
from tuning.people.queries import team_names, user_names
from tuning.people.tokens import Principal


def found_job(session: Session, job_id: str, user: Principal) -> Job:
    """One job. Raises NotFound, also where the user may not see it."""
    job = requests.job_by_id(session, job_id)
    if job is None or not user.may_see(job.owner_id, job.team_id):
        raise NotFound(f"there is no job {job_id}")
    return job


def require_change(job: Job, user: Principal) -> None:
    """Raises NotAllowed where the job is neither the user's nor of a team that they lead."""
    if not user.may_change(job.owner_id, job.team_id):
        hint = "its owner, a lead of its team, or an administrator can change it"
        raise NotAllowed(f"job {job.id} is not yours", hint=hint)


def shown(session: Session, job: Job, feed: Feed) -> JobJson:
    """A job as the API shows it."""
    return _shown_as(JobJson.of, session, [job], feed)[0]


def listed(session: Session, jobs: Sequence[Job], feed: Feed) -> list[JobJson]:
    """Jobs as a list shows them, in a handful of queries however many there are."""
    return _shown_as(JobJson.summary, session, jobs, feed) if jobs else []


_Form = Callable[[Job, JobNames, requests.Belongings, Outlook | None, Absence | None], JobJson]


def _shown_as(form: _Form, session: Session, jobs: Sequence[Job], feed: Feed) -> list[JobJson]:
    owners = user_names(session, (job.owner_id for job in jobs))
    teams = team_names(session, (job.team_id for job in jobs))
    names = {job.id: JobNames(owners[job.owner_id], teams[job.team_id]) for job in jobs}
    own = requests.belongings(session, [job.id for job in jobs])
    outlooks = feed.queues.outlooks(session, ((job.cluster, job.id) for job in jobs if job.status in NOT_BEGUN))
    absences = feed.workers.absences()
    return [form(job, names[job.id], own, outlooks.get(job.id), absences.get(job.cluster)) for job in jobs]
