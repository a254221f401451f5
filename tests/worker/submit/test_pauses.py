"""What pauses after a refusal, for how long, and who is let through first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds, make_job, make_user
from tuning.db.engine import transaction
from tuning.errors import ClusterError, RefusalScope, RemoteDiskFull, SiteLimit, SiteState, UnknownRefusal
from tuning.jobs.models import Job
from worker.submit.pauses import (
    FIRST_SECONDS,
    LONGEST_SECONDS,
    MANY_REFUSALS,
    MOST_SINGLE_JOBS,
    Pauses,
    Place,
    place_of,
)

GPU, CPU = Place("a", "gpu", "lab", ""), Place("b", "cpu", "lab", "")
OTHER_ACCOUNT, SAME_PLACE = Place("c", "gpu", "guest", ""), Place("d", "gpu", "lab", "")
EVERYBODY = (GPU, CPU, OTHER_ACCOUNT, SAME_PLACE)


@pytest.mark.parametrize(
    ("error", "paused"),
    [
        (SiteState("drained", scope="partition"), [GPU, OTHER_ACCOUNT, SAME_PLACE]),
        (SiteLimit("full"), [GPU, SAME_PLACE]),
        (SiteState("no", scope="account"), [GPU, CPU, SAME_PLACE]),
        (UnknownRefusal("odd", scope="job"), [GPU]),
        (SiteState("no slurm.conf"), list(EVERYBODY)),
        (RemoteDiskFull("full"), list(EVERYBODY)),
    ],
)
def test_only_what_the_refusal_concerns_pauses(error: ClusterError, paused: list[Place]) -> None:
    pauses = Pauses(Seconds())
    assert pauses.begin(error, GPU, "words")
    assert [place for place in EVERYBODY if pauses.is_paused(place)] == paused
    assert pauses.is_cluster_paused() == (len(paused) == len(EVERYBODY))
    assert [pauses.reason(place) for place in paused] == ["words"] * len(paused)


def test_a_pause_that_is_over_lets_a_job_through_and_may_grow() -> None:
    clock = Seconds()
    pauses, error = Pauses(clock), SiteState("drained", scope="partition")
    pauses.begin(error, GPU, "words")
    assert pauses.let_through(EVERYBODY) == [CPU]
    clock.now += FIRST_SECONDS
    assert pauses.let_through(EVERYBODY) == [GPU, CPU]
    assert pauses.begin(error, GPU, "words")
    clock.now += FIRST_SECONDS
    assert pauses.let_through(EVERYBODY) == [CPU]
    clock.now += FIRST_SECONDS
    pauses.end(GPU)
    assert pauses.let_through(EVERYBODY) == list(EVERYBODY)


def test_the_refusals_of_one_batch_are_one() -> None:
    pauses = Pauses(Seconds())
    assert [pauses.begin(SiteState("x", scope="partition"), place, "w") for place in (GPU, SAME_PLACE)] == [True, False]


def test_a_pause_is_bounded_and_in_the_end_its_reason_says_more() -> None:
    clock = Seconds()
    pauses = Pauses(clock)
    for _ in range(MANY_REFUSALS):
        assert pauses.reason(GPU) in (None, "words")
        pauses.begin(UnknownRefusal("odd", scope="job"), GPU, "words")
        clock.now += LONGEST_SECONDS
        assert not pauses.is_paused(GPU)
    assert f"refused {MANY_REFUSALS} times in a row" in (pauses.reason(GPU) or "")


def test_too_many_pauses_of_single_jobs_are_one_of_the_cluster() -> None:
    pauses = Pauses(Seconds())
    for number in range(MOST_SINGLE_JOBS + 1):
        pauses.begin(UnknownRefusal("odd", scope="job"), Place(str(number), "gpu", "", ""), "words")
    assert pauses.is_cluster_paused()


RESOURCES = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([None, "", "x", "y"]) for name in ("partition", "account", "qos")}
)


SCOPES: tuple[RefusalScope, ...] = ("cluster", "partition", "account", "job")


@given(refused=RESOURCES, other=RESOURCES, scope=st.sampled_from(SCOPES))
def test_the_refused_job_itself_always_pauses(
    refused: dict[str, str], other: dict[str, str], scope: RefusalScope
) -> None:
    pauses = Pauses(Seconds())
    place, elsewhere = place_of("a", refused), place_of("b", other)
    pauses.begin(SiteState("x", scope=scope), place, "words")
    assert pauses.is_paused(place)
    assert (elsewhere in pauses.let_through([elsewhere])) == (not pauses.is_paused(elsewhere))


@pytest.mark.parametrize("scope", SCOPES[1:])
def test_rows_are_told_apart_as_the_places_are(sessions: sessionmaker[Session], scope: RefusalScope) -> None:
    with transaction(sessions) as session:
        owner = make_user(session)
        for partition, account in (("gpu", "lab"), ("cpu", "lab"), ("gpu", None), ("cpu", "guest")):
            make_job(session, owner, resources={"partition": partition, "account": account})
        make_job(session, owner, resources={})
    pauses = Pauses(Seconds())
    with sessions() as session:
        jobs = session.scalars(select(Job)).all()
        refused = next(job for job in jobs if job.resources == {"partition": "gpu", "account": "lab"})
        pauses.begin(SiteState("x", scope=scope), place_of(refused.id, refused.resources), "w")
        clause = pauses.waiting_clause()
        assert clause is not None
        free = set(session.scalars(select(Job.id).where(clause)))
    assert free == {job.id for job in jobs if not pauses.is_paused(place_of(job.id, job.resources))}
    assert 0 < len(free) < len(jobs)
