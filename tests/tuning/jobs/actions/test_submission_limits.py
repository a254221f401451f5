"""Requests that come at the same moment do not get past a limit together."""

import threading
from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_dataset, make_job, make_limit, make_user
from tuning.datasets.models import Dataset
from tuning.db.engine import transaction
from tuning.errors import StorageFull
from tuning.jobs.actions.dataset_limits import require_within_limits
from tuning.jobs.actions.submission_limits import NewJob, check_limits
from tuning.jobs.models import Job
from tuning.people.models import LAB_TEAM_ID, User
from tuning.people.queries import TeamOfUser
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import LimitedJob, LimitKind, Place

THREADS = 6


def principal(user: User) -> Principal:
    return Principal(user.id, user.name, "tok", Scope.SUBMIT, LAB_TEAM_ID, (TeamOfUser(LAB_TEAM_ID, "lab", False),))


def together(work: Callable[[int], None]) -> None:
    """The same in several threads, which begin at one moment."""
    gate = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        gate.wait()
        work(number)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_queue_is_not_overfilled_by_requests_at_once(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        user = make_user(session)
        make_limit(session, LimitKind.QUEUED_JOBS, 2, team="lab")
    place = Place(user.name, "lab", "lab", "gpu", "normal")
    job = NewJob(principal(user), LAB_TEAM_ID, LimitedJob("", place, 1, 3600))

    def submit(_number: int) -> None:
        with transaction(sessions) as session:
            if not check_limits(session, job, NOON, stored=True):
                make_job(session, user)

    together(submit)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 2


def test_data_sets_at_once_do_not_exceed_their_limit(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        user = make_user(session)
        make_limit(session, LimitKind.DATASET_BYTES, 250, user=user.name)

    def keep(number: int) -> None:
        with sessions() as session, session.begin() as step:
            make_dataset(session, user, size_bytes=100, sha256=f"{number}" * 64)
            try:
                require_within_limits(session, principal(user), NOON)
            except StorageFull:
                step.rollback()

    together(keep)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Dataset)) == 2
