"""GPU time by day: of ended attempts and of what runs, of everybody, a team or a user."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_team, make_user
from tuning.jobs.queries.use.usage_report import DayUsage, Period, UsageOf, UsedBy, usage_by_day
from tuning.jobs.status import JobStatus
from tuning.people.models import Team, User
from tuning.people.roles import Visibility
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.usage.models import UsageDay

TODAY = NOON.date()
WEEK = Period(TODAY - timedelta(days=6), TODAY)


def used(session: Session, user: User, team: Team, days_ago: int, hours: float, cluster: str = "lab") -> None:
    day = TODAY - timedelta(days=days_ago)
    key = {"user_id": user.id, "team_id": team.id, "cluster": cluster, "day": day}
    session.add(UsageDay(**key, gpu_seconds=hours * 3600, jobs=1))
    session.flush()


def reader(user: User, visible: Visibility = Visibility.EVERYBODY) -> Principal:
    return Principal(user.id, user.name, "tok_1", Scope.SUBMIT, visible=visible)


def hours(found: list[DayUsage]) -> dict[tuple[str, date], float]:
    return {(each.name, each.day): round(each.gpu_seconds / 3600, 6) for each in found}


@pytest.fixture
def lab(session: Session) -> tuple[User, User, Team, Team]:
    ada, bob = make_user(session), make_user(session, name="bob")
    mt, rl = make_team(session, "mt", ada), make_team(session, "rl", bob)
    used(session, ada, mt, 0, 2)
    used(session, ada, mt, 0, 1, "other")
    used(session, ada, mt, 7, 50)
    used(session, bob, rl, 3, 4)
    return ada, bob, mt, rl


def test_days_of_the_period_are_summed_by_team(session: Session, lab: tuple[User, User, Team, Team]) -> None:
    found = usage_by_day(session, UsedBy.TEAM, WEEK, NOON, reader(lab[0]))
    assert hours(found) == {("mt", TODAY): 3, ("rl", TODAY - timedelta(days=3)): 4}


def test_a_team_or_a_user_may_be_asked_for_alone(session: Session, lab: tuple[User, User, Team, Team]) -> None:
    ada, bob, mt, _ = lab
    of_team = usage_by_day(session, UsedBy.USER, WEEK, NOON, reader(bob), UsageOf(team_id=mt.id))
    of_user = usage_by_day(session, UsedBy.TEAM, WEEK, NOON, reader(ada), UsageOf(user_id=bob.id))
    assert hours(of_team) == {("ada", TODAY): 3}
    assert hours(of_user) == {("rl", TODAY - timedelta(days=3)): 4}


def test_what_runs_is_split_at_midnight(session: Session, lab: tuple[User, User, Team, Team]) -> None:
    ada, _, mt, _ = lab
    began = NOON - timedelta(hours=13)
    values: dict[str, Any] = {"status": JobStatus.RUNNING, "attempt": 1, "gpus": 2, "team_id": mt.id}
    make_attempt(session, make_job(session, ada, **values, started_at=began), started_at=began)
    found = usage_by_day(session, UsedBy.TEAM, WEEK, NOON, reader(ada), UsageOf(user_id=ada.id))
    assert hours(found) == {("mt", TODAY): 3 + 24, ("mt", TODAY - timedelta(days=1)): 2}


def test_users_whose_jobs_are_not_to_be_seen_are_left_out(session: Session, lab: tuple[User, User, Team, Team]) -> None:
    ada, bob, _, rl = lab
    mine_alone = reader(ada, Visibility.OWN)
    assert hours(usage_by_day(session, UsedBy.USER, WEEK, NOON, mine_alone)) == {("ada", TODAY): 3}
    assert usage_by_day(session, UsedBy.TEAM, WEEK, NOON, mine_alone, UsageOf(user_id=bob.id)) == []
    assert usage_by_day(session, UsedBy.USER, WEEK, NOON, mine_alone, UsageOf(team_id=rl.id)) == []
