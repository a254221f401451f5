"""Ages are those of the process's own clock."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import Seconds
from worker.ages import FORGOTTEN_SECONDS, Ages


def test_an_age_counts_from_its_restart_or_from_the_workers_start() -> None:
    clock = Seconds()
    ages = Ages(clock)
    clock.now += 10
    ages.restart("new")
    clock.now += 5
    assert (ages.of("new"), ages.of("found")) == (timedelta(seconds=5), timedelta(seconds=15))


@given(steps=st.lists(st.tuples(st.floats(0, 2 * FORGOTTEN_SECONDS), st.booleans()), max_size=20))
def test_no_age_is_shorter_than_what_was_watched_nor_grows_by_itself(steps: list[tuple[float, bool]]) -> None:
    clock = Seconds()
    ages = Ages(clock)
    since = clock.now
    for seconds, restarts in steps:
        clock.now += seconds
        if restarts:
            ages.restart("key")
            ages.restart("other")
            since = clock.now
        assert ages.of("key") == timedelta(seconds=clock.now - since)


def test_what_nobody_asks_for_is_not_kept() -> None:
    clock = Seconds()
    ages = Ages(clock)
    for number in range(100):
        ages.restart(number)
    clock.now += FORGOTTEN_SECONDS + 1
    ages.restart("last")
    assert len(ages._since) == len(ages._asked) == 1
