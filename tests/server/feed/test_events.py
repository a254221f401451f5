"""Recent events in memory: none is missed, none comes twice, none is told of which memory no longer holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.feed.events import RecentEvents
from tests.factories import NOON
from tuning.jobs.queries.feed import EventRow


def row(event_id: int, job_id: str = "job_a") -> EventRow:
    return EventRow(event_id, job_id, "user_a", "team_lab", NOON, "warning", "m", {})


def ids(events: RecentEvents, after: int, job_id: str | None = None) -> list[int] | None:
    found = events.after(after, job_id)
    return None if found is None else [event.id for event in found]


def test_events_behind_a_place_come_in_their_order() -> None:
    events = RecentEvents()
    events.begin(4)
    events.add([row(5), row(7, "job_b"), row(9)])
    assert ids(events, 4) == [5, 7, 9]
    assert ids(events, 5) == [7, 9]
    assert ids(events, 6, "job_a") == [9]
    assert (ids(events, 9), events.newest) == ([], 9)


def test_of_what_was_before_the_beginning_memory_does_not_know() -> None:
    events = RecentEvents()
    events.begin(4)
    assert ids(events, 3) is None
    assert ids(events, 4) == []


def test_what_was_let_go_is_not_known_any_more() -> None:
    events = RecentEvents(capacity=2)
    events.add([row(1), row(2), row(3)])
    assert (ids(events, 0), ids(events, 1)) == (None, [2, 3])


@pytest.mark.parametrize(("passed", "newest"), [(2, 5), (5, 5), (8, 8)])
def test_the_newest_place_never_goes_back(passed: int, newest: int) -> None:
    events = RecentEvents()
    events.add([row(5)])
    events.pass_over(passed)
    assert events.newest == newest


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 8), st.integers(0, 90))
def test_any_answer_is_whole(gaps: list[int], capacity: int, after: int) -> None:
    all_ids = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    events = RecentEvents(capacity)
    events.add([row(each) for each in all_ids])
    found = ids(events, after)
    assert found is None or found == [each for each in all_ids if each > after]
    assert found is not None or after < events.floor
