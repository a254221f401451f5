"""The schedule of retries."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tuning.notices.retry import give_up_at, next_try_at, paused_until

JITTER = st.floats(0, 1, exclude_max=True)


def test_the_pauses_grow_from_seconds_to_hours() -> None:
    pauses = [(next_try_at(NOON, count, 0.999) - NOON).total_seconds() for count in (1, 2, 3, 6, 8, 100)]
    assert [round(pause) for pause in pauses] == [5, 15, 45, 1214, 7196, 7196]


@given(st.integers(0, 10**9), JITTER)
def test_a_pause_is_never_nothing_and_never_longer_than_two_hours(count: int, jitter: float) -> None:
    assert timedelta(seconds=2) <= next_try_at(NOON, count, jitter) - NOON <= timedelta(hours=2)
    assert timedelta(seconds=2) <= paused_until(NOON, count, jitter) - NOON <= timedelta(minutes=5)


def test_a_day_has_a_score_of_tries() -> None:
    at, tries = NOON, 0
    while at < give_up_at(NOON):
        tries += 1
        at = next_try_at(at, tries, 0.5)
    assert 15 <= tries <= 25
