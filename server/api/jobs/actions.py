"""Routes that act on a job: cancel, hold, release; or copy it: retry, clone."""

from functools import partial

from fastapi import APIRouter

from server.answers.job_changes import JobChangesDep
from server.answers.jobs import found_job, shown
from server.api.jobs.new_jobs import CREATED, NewJobsDep
from server.dependencies import FeedDep, JobId
from server.http.errors.problems import responses
from server.job_surroundings import SiteDep
from server.schemas.job import JobJson
from tuning.jobs.actions import control, create
from tuning.jobs.data_check.create import CheckSites, Retry, check_again
from tuning.jobs.request.spec import Cancellation, JobRequest, RetryRequest
from tuning.llamafactory.kinds import CHECK

router = APIRouter(prefix="/jobs/{job_id}", tags=["jobs"])

_CHANGES = responses(403, 404, 409)
_NO_CHANGES = JobRequest()
_AGAIN = RetryRequest()
_AT_ONCE = Cancellation()


@router.post("/cancel", responses=_CHANGES)
def cancel_job(job_id: JobId, changes: JobChangesDep, feed: FeedDep, how: Cancellation = _AT_ONCE) -> JobJson:
    """Ask for the end of a job. One that Slurm has says `cancelled` once Slurm has confirmed it."""
    session, by, now = changes.session, changes.user.name, changes.now
    work = partial(control.cancel_job, session, job_id, by, now, save=how.save)
    return shown(session, changes.make(job_id, "cancel", lambda _job: work()), feed)


@router.post("/hold", responses=_CHANGES)
def hold_job(job_id: JobId, changes: JobChangesDep, feed: FeedDep) -> JobJson:
    """Keep a queued job from being submitted, or take one back from Slurm: a running training saves a checkpoint first.

    One that Slurm has says `held` once it has ended there; `release` lets it go on from its newest checkpoint.
    """
    session, by, now = changes.session, changes.user.name, changes.now
    held = changes.make(job_id, "hold", lambda _job: control.hold_job(session, job_id, by, now))
    return shown(session, held, feed)


@router.post("/release", responses=_CHANGES)
def release_job(job_id: JobId, changes: JobChangesDep, feed: FeedDep) -> JobJson:
    """Let a held job go."""
    session, by, now = changes.session, changes.user.name, changes.now
    released = changes.make(job_id, "release", lambda _job: control.release_job(session, job_id, by, now))
    return shown(session, released, feed)


@router.post("/retry", status_code=201, responses={**CREATED, **responses(403, 404, 409)})
def retry_job(
    job_id: JobId, new: NewJobsDep, site: SiteDep, told: JobChangesDep, changes: RetryRequest = _AGAIN
) -> JobJson:
    """A new job, yours, that asks for the same as an ended one and names it in `retry_of`.

    The body may change things: `config` and `resources` are laid over the old ones, the rest replaces them.
    `resume_from: {}` lets it go on from the newest checkpoint of the old one. Of a check of data only `resources` can
    be changed; its data set is looked at once more.
    """
    job = found_job(new.session, job_id, new.user)
    create.require_ended(job)
    told.tell(job, "retry", {"name": job.name, "status": job.status.value}, None)
    if job.kind == CHECK:
        sites = CheckSites(site.clusters, partial(site.views.view, new.session))
        retry = Retry(job, changes, new.asker.idempotency_key)
        return new.answer(check_again(new.session, retry, sites, new.user, new.now))
    request = new.request_of(job, changes)
    return new.create(request, retry_of=job_id, with_dependents=changes.with_dependents)


@router.post("/clone", status_code=201, responses={**CREATED, **responses(404, 409)})
def clone_job(job_id: JobId, new: NewJobsDep, changes: JobRequest = _NO_CHANGES) -> JobJson:
    """A new job, yours, that asks for the same as any other; the body changes things as with `retry`."""
    job = found_job(new.session, job_id, new.user)
    return new.create(new.request_of(job, changes))
