"""Routes that act on a job: cancel, hold, release; or copy it: retry, clone."""

from functools import partial

from fastapi import APIRouter

from server.api.jobs.answers import CREATED, NewJobsDep, found_job, require_change, shown
from server.dependencies import CurrentUser, JobId, NowDep, SessionDep, WorkersDep
from server.http.problems import responses
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
def cancel_job(
    job_id: JobId,
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    workers: WorkersDep,
    how: Cancellation = _AT_ONCE,
) -> JobJson:
    """Ask for the end of a job. One that Slurm has says `cancelled` once Slurm has confirmed it."""
    require_change(session, job_id, user)
    return shown(session, control.cancel_job(session, job_id, user.name, now, save=how.save), workers)


@router.post("/hold", responses=_CHANGES)
def hold_job(job_id: JobId, session: SessionDep, user: CurrentUser, now: NowDep, workers: WorkersDep) -> JobJson:
    """Keep a queued job from being submitted, or take one back from Slurm: a running training saves a checkpoint first.

    One that Slurm has says `held` once it has ended there; `release` lets it go on from its newest checkpoint.
    """
    require_change(session, job_id, user)
    return shown(session, control.hold_job(session, job_id, user.name, now), workers)


@router.post("/release", responses=_CHANGES)
def release_job(job_id: JobId, session: SessionDep, user: CurrentUser, now: NowDep, workers: WorkersDep) -> JobJson:
    """Let a held job go."""
    require_change(session, job_id, user)
    return shown(session, control.release_job(session, job_id, user.name, now), workers)


@router.post("/retry", status_code=201, responses={**CREATED, **responses(403, 404, 409)})
def retry_job(job_id: JobId, new: NewJobsDep, site: SiteDep, changes: RetryRequest = _AGAIN) -> JobJson:
    """A new job, yours, that asks for the same as an ended one and names it in `retry_of`.

    The body may change things: `config` and `resources` are laid over the old ones, the rest replaces them.
    `resume_from: {}` lets it go on from the newest checkpoint of the old one. Of a check of data only `resources` can
    be changed; its data set is looked at once more.
    """
    job = found_job(new.session, job_id)
    create.require_ended(job)
    if job.kind == CHECK:
        sites = CheckSites(site.clusters, partial(site.views.view, new.session))
        retry = Retry(job, changes, new.idempotency_key)
        return new.answer(check_again(new.session, retry, sites, new.user, new.now))
    request = create.request_of(new.session, job, changes, new.around.highest_priority)
    return new.create(request, retry_of=job_id, with_dependents=changes.with_dependents)


@router.post("/clone", status_code=201, responses={**CREATED, **responses(404, 409)})
def clone_job(job_id: JobId, new: NewJobsDep, changes: JobRequest = _NO_CHANGES) -> JobJson:
    """A new job, yours, that asks for the same as any other; the body changes things as with `retry`."""
    job = found_job(new.session, job_id)
    return new.create(create.request_of(new.session, job, changes, new.around.highest_priority))
