"""A lab of 30 people in 5 teams and 3,000 jobs, on two clusters with two workers that are killed again and again.

Everything is checked by what Slurm itself recorded, and by what the trainings said.
"""

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import psycopg
import pytest

from container.steps import say
from packtrain.client import Packtrain
from packtrain.errors import PacktrainError
from tests.e2e.site import wait_for
from tests.lab_of_people import plan, sleeper
from tests.lab_of_people.crowd import gather
from tests.lab_of_people.day import Day, Event, live
from tests.lab_of_people.findings import full_demand, lost_or_doubled, overtaken, passed_over, team_errors
from tests.lab_of_people.limits import OwnedRun, gpu_hours, peaks, set_limits
from tests.lab_of_people.measures import peak
from tests.lab_of_people.service import Service, running
from tests.lab_of_people.slurm_records import slurm_runs

pytestmark = pytest.mark.crowd
JOBS_PER_PERSON = 100
LIFTED_AT = 0.9
"""When so great a part of the jobs has ended, the limit of GPU hours is taken away, or some would wait for a month."""
MOST_PASSING = 0.25
"""Of the jobs: small ones pass what cannot start yet, and an order is kept for a few seconds."""
WINDOW_JOBS = 20
"""That wait inside Slurm, beside those for which there are GPUs."""


@dataclass(frozen=True)
class Records:
    """A whole day, and what Slurm, the database and the trainings have of it."""

    day: Day
    runs: Sequence[OwnedRun]
    lines: Sequence[sleeper.Line]
    statuses: dict[str, str]
    lifted_at: float


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """One day for all the tests: it takes a third of an hour."""
    with running(tmp_path_factory.mktemp("people"), plan.CLUSTERS) as service:
        return spend_day(service, JOBS_PER_PERSON)


def spend_day(service: Service, jobs_per_person: int) -> Records:
    """A day of so many jobs for each of the people."""
    seed = secrets.randbelow(1_000_000)
    rng = random.Random(seed)  # noqa: S311 (not a secret)
    lifted_at = [time.time()]
    with service.site.client() as admin:
        people = {person.name: person for person in gather(admin, service.site.env()["PACKTRAIN_URL"], plan.teams())}
        set_limits(admin, plan.LIMITS)
        wanted = [(people[name], job) for name, job in plan.jobs(list(people), jobs_per_person, rng)]
        day = live(service, admin, wanted, rng, Event(LIFTED_AT, lambda: lifted_at.append(lift(admin))))
    say(f"seed {seed}: {len(day.orders)} jobs in {day.seconds:.0f} s; killed: {dict(day.kills)}")
    lines = [line for its in service.labs.values() for line in sleeper.lines(its)]
    return Records(day, owned_runs(service, day), lines, statuses(service), lifted_at[-1])


def lift(admin: Packtrain) -> float:
    """Take the limit of GPU hours away; the moment before it."""

    def look() -> float | None:
        try:
            limit_id = next(each["id"] for each in admin.limits()["data"] if each["kind"] == plan.CAPPED_HOURS.kind)
            at = time.time()
            admin.remove_limit(limit_id)
        except PacktrainError:
            return None
        return at

    return wait_for("server that takes a limit away", look)


def owned_runs(service: Service, day: Day) -> list[OwnedRun]:
    """Every submission of every cluster, with whose it was. Those that nobody ordered have no owner."""
    by_id = {order.job_id: order for order in day.orders}
    found = []
    for name, cluster in service.labs.items():
        for run in slurm_runs(cluster):
            order = by_id.get(run.job_id)
            person, team = (order.person.name, order.person.team) if order else ("", "")
            found.append(OwnedRun(run, person, team, order.wanted.job_class if order else "", name))
    return found


def statuses(service: Service) -> dict[str, str]:
    """The statuses of all jobs, by id."""
    with psycopg.connect(service.database_url) as database:
        return dict(database.execute("SELECT id, status FROM jobs").fetchall())


def test_no_job_is_lost_or_doubled(records: Records) -> None:
    assert not list(lost_or_doubled(records.day.orders, records.statuses, records.lines))
    assert set(records.day.kills) == {"server", "worker", "worker-2"}
    assert {own.person for own in records.runs}.isdisjoint({""})


def test_no_limit_is_exceeded_at_any_moment(records: Records) -> None:
    found = list(peaks(plan.LIMITS, records.runs))
    for limit, subject, most in found:
        if most >= limit.amount or limit.subject != "*":
            say(f"{limit.subject_kind} {subject or '*'} {limit.kind} <= {limit.amount:g}: at most {most:g}")
    assert not [(limit, subject, most) for limit, subject, most in found if most > limit.amount]
    hours = gpu_hours(plan.CAPPED_HOURS, records.runs, records.lifted_at)
    say(f"GPU hours of {plan.CAPPED}: {hours:.4f} of {plan.CAPPED_HOURS.amount}")
    assert hours <= plan.CAPPED_HOURS.amount


def test_teams_get_their_shares_of_the_gpu_time(records: Records) -> None:
    for cluster in (each.name for each in plan.CLUSTERS):
        had, errors = shares_on(records, cluster)
        say(f"{cluster}: GPU seconds {had}; share had less share due {errors}")
        assert max(map(abs, errors.values())) <= 0.05


def shares_on(records: Records, cluster: str) -> tuple[dict[str, float], dict[str, float]]:
    """GPU seconds of the teams on a cluster while all of them had more to do there, and the errors of their shares."""
    orders = [order for order in records.day.orders if order.wanted.cluster == cluster]
    runs = [own for own in records.runs if own.cluster == cluster]
    span = full_demand(orders, runs, frozenset({plan.PAIRED, plan.CAPPED}))
    say(f"{cluster}: full demand for {span[1] - span[0]:.0f} of {records.day.seconds:.0f} s")
    return team_errors(runs, plan.SHARES, span)


def test_jobs_are_handed_over_in_the_order_that_the_queue_shows(records: Records) -> None:
    counts = passed_over(records.day.looks, records.runs)
    passing = sum(count > 0 for count in counts) / len(counts)
    say(f"{len(counts)} jobs were handed over soon after a look; {passing:.1%} passed others, {fmean(counts):.2f} each")
    assert passing <= MOST_PASSING


def test_few_jobs_wait_inside_slurm(records: Records) -> None:
    for cluster in plan.CLUSTERS:
        waiting = (own.run.waiting for own in records.runs if own.cluster == cluster.name)
        most = peak(span for span in waiting if span is not None)
        say(f"{cluster.name}: {most:g} jobs at most waited inside Slurm")
        assert most <= WINDOW_JOBS + 2 * cluster.gpus_per_node


def test_own_priority_is_kept(records: Records) -> None:
    count = overtaken(records.day.orders, records.runs)
    say(f"{count} jobs were handed over before a more important one of the same person")
    assert count <= len(records.day.orders) / 100
