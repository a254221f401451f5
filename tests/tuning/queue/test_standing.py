"""Standings: who had less than their share comes first, and the ratios that are shown say so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.queue.standing import (
    PastJobs,
    RunningUse,
    TeamShares,
    fair_standings,
    seconds_held,
    with_slowdown,
    with_use,
)
from tuning.queue.waiting_job import Person

DAY = 86400.0
WEEK = 7 * DAY
ANA, BO, CY = Person("mt", "ana"), Person("mt", "bo"), Person("asr", "cy")
TEAMS = (TeamShares("mt", 3, {"ana": 1, "bo": 1}), TeamShares("asr", 1, {"cy": 1}))


def test_places_and_ratios_follow_from_shares_and_use() -> None:
    past = {ANA: PastJobs(300.0), BO: PastJobs(100.0), CY: PastJobs(400.0)}
    standings = fair_standings(TEAMS, past, [], 0.0, WEEK)
    assert [standings[person].fair_place for person in (BO, ANA, CY)] == [0, 1, 2]
    assert [standings[person].team_level_fs for person in (ANA, CY)] == pytest.approx([0.75 / 0.5, 0.25 / 0.5])
    assert [standings[person].user_level_fs for person in (ANA, BO)] == pytest.approx([0.5 / 0.75, 0.5 / 0.25])
    assert standings[CY].standing.team_place == standings[CY].standing.fair_place == 1.0


def test_what_runs_counts_up_to_now() -> None:
    running = [RunningUse(ANA, 4, 100.0, 3600.0)]
    standings = fair_standings(TEAMS, {}, running, 160.0, WEEK)
    assert standings[ANA].used_gpu_seconds == 240.0
    assert math.isinf(standings[CY].team_level_fs)
    assert standings[ANA].team_place == 1


def test_use_and_slowdowns_halve_with_time() -> None:
    past = with_slowdown(with_use(PastJobs(), 1000.0, 0.0, WEEK), 4.0, 0.0, WEEK)
    standing = fair_standings(TEAMS, {ANA: past}, [], WEEK, WEEK)[ANA]
    assert (standing.used_gpu_seconds, standing.past_slowdowns, standing.past_jobs) == (500.0, 2.0, 0.5)


def test_a_half_life_of_none_counts_only_what_runs() -> None:
    past = {CY: with_use(PastJobs(), 1e6, 0.0, 0.0)}
    standings = fair_standings(TEAMS, past, [RunningUse(ANA, 1, 0.0, DAY)], 10.0, 0.0)
    assert standings[CY].used_gpu_seconds == 0.0
    assert standings[CY].fair_place < standings[ANA].fair_place


def test_a_member_without_shares_comes_last_in_the_team() -> None:
    teams = [TeamShares("mt", 1, {"ana": 0, "bo": 1})]
    standings = fair_standings(teams, {BO: PastJobs(1e9)}, [], 0.0, WEEK)
    assert standings[BO].fair_place < standings[ANA].fair_place


def test_shares_below_none_take_nothing_from_those_of_others() -> None:
    teams = [*TEAMS, TeamShares("bad", -2, {"dee": -1, "eli": 1})]
    past = {ANA: PastJobs(300.0), BO: PastJobs(100.0), CY: PastJobs(400.0), Person("bad", "eli"): PastJobs(0.0)}
    standings = fair_standings(teams, past, [], 0.0, WEEK)
    assert standings[CY].team_level_fs == pytest.approx(0.25 / 0.5)
    assert standings[Person("bad", "dee")].team_level_fs == 0.0


def test_nobody_is_no_trouble() -> None:
    assert fair_standings([], {}, [], 0.0, WEEK) == {}


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.floats(-1e6, 1e7))
def test_a_clock_that_jumps_adds_a_bounded_time(started_at: float, until: float, limit: float) -> None:
    assert 0 <= seconds_held(started_at, until, limit) <= 2 * max(limit, 0) + DAY


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(-1e7, 1e7)), max_size=20))
def test_sums_are_never_negative_nor_more_than_was_added(added: list[tuple[float, float]]) -> None:
    past = PastJobs()
    for amount, now in added:
        past = with_use(past, amount, now, WEEK)
    assert 0 <= past.gpu_seconds <= math.fsum(amount for amount, _ in added) * (1 + 1e-9)
