"""Attendance of a worker: judged by the age of what it last wrote, at any pace and with any clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tuning.clusters.attendance import Absence, Pace, Sighting, WorkerSign, absence, sighting

PACE = Pace(poll_interval_seconds=10.0, command_timeout_seconds=60.0)
LEASE_SECONDS = 30.0
ALIVE = WorkerSign("lab", 1, NOON + timedelta(seconds=LEASE_SECONDS), NOON, is_unreachable=False)
NEVER = WorkerSign("lab", 0, None, None, is_unreachable=False)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def seen(sign: WorkerSign) -> Sighting:
    return sighting(sign, None, NOON, LEASE_SECONDS)


def judged_after(sign: WorkerSign, age_seconds: float, pace: Pace = PACE) -> Absence | None:
    return absence(seen(sign), pace, NOON + seconds(age_seconds))


def test_a_worker_is_there_for_three_cycles_after_its_last_sign() -> None:
    assert judged_after(ALIVE, 30) is None
    assert judged_after(ALIVE, 31) == Absence(NOON)


def test_a_fast_worker_is_missed_sooner_but_not_within_a_stall_of_its_machine() -> None:
    assert judged_after(ALIVE, 7, Pace(2.0, 60.0)) == Absence(NOON)
    assert judged_after(ALIVE, 4.9, Pace(0.2, 60.0)) is None


def test_of_a_cluster_that_nobody_ever_drove_nothing_is_told() -> None:
    assert judged_after(NEVER, 10_000) is None


def test_a_worker_that_gave_its_lease_back_is_missed_like_one_that_died() -> None:
    assert judged_after(replace(ALIVE, lease_expires_at=None), 31) == Absence(NOON)


def test_a_worker_that_keeps_its_lease_and_ends_no_cycle_is_told() -> None:
    before = seen(ALIVE)
    for second in range(0, 100, 5):
        renewed = replace(ALIVE, lease_expires_at=NOON + seconds(second + LEASE_SECONDS))
        before = sighting(renewed, before, NOON + seconds(second), LEASE_SECONDS)
    assert absence(before, PACE, NOON + seconds(90)) is None, "a command may take its 60 s"
    assert absence(before, PACE, NOON + seconds(96)) == Absence(NOON, is_stuck=True)
    away = replace(before, sign=replace(before.sign, is_unreachable=True))
    assert absence(away, PACE, NOON + seconds(96)) is None, "that the cluster is away is told otherwise"
    slow = replace(before, sign=replace(before.sign, cycle_seconds=40.0))
    assert absence(slow, PACE, NOON + seconds(96)) is None, "its cycles are long"


@given(st.integers(min_value=-86_400, max_value=86_400))
def test_no_clock_of_another_machine_hides_or_invents_an_absence(offset_seconds: int) -> None:
    """But for the first look, which has nothing else to go by."""
    theirs = replace(ALIVE, reached_at=NOON + seconds(offset_seconds))
    later = replace(theirs, reached_at=NOON + seconds(offset_seconds + 10))
    found = sighting(later, seen(theirs), NOON + seconds(10), LEASE_SECONDS)
    assert absence(found, PACE, NOON + seconds(40)) is None
    again = sighting(later, found, NOON + seconds(41), LEASE_SECONDS)
    assert absence(again, PACE, NOON + seconds(41)) == Absence(NOON + seconds(10))


def test_a_first_look_at_a_clock_ahead_puts_nothing_into_the_future() -> None:
    ahead = replace(ALIVE, lease_expires_at=NOON + timedelta(days=1), reached_at=None)
    assert judged_after(ahead, 31) == Absence(NOON)


@pytest.mark.parametrize(
    ("is_stuck", "words"),
    [
        (False, "no worker drives this cluster since 2026-11-21 12:00:00 UTC"),
        (True, "the worker has ended no cycle of this cluster since 2026-11-21 12:00:00 UTC"),
    ],
)
def test_an_absence_is_a_sentence(is_stuck: bool, words: str) -> None:
    assert Absence(NOON, is_stuck).sentence("this cluster") == words
