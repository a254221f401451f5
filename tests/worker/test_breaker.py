"""After a failure a cluster is left alone, ever longer."""

from tests.factories import Seconds
from worker.backoff import LONGEST_SECONDS
from worker.breaker import Breaker


def test_it_opens_with_a_failure_and_closes_with_a_success() -> None:
    clock = Seconds()
    breaker = Breaker(10.0, clock, lambda: 1.0)
    assert (breaker.is_open, breaker.pause_seconds()) == (False, 0.0)
    breaker.failed()
    assert (breaker.is_open, breaker.pause_seconds()) == (True, 20.0)
    clock.now += 15
    assert breaker.pause_seconds() == 5.0
    clock.now += 15
    assert (breaker.is_open, breaker.pause_seconds()) == (True, 0.0), "the pause is over, and nobody knows yet"
    breaker.succeeded()
    assert (breaker.is_open, breaker.pause_seconds()) == (False, 0.0)


def test_pauses_grow_up_to_a_minute_and_begin_small_again() -> None:
    clock = Seconds()
    breaker = Breaker(2.0, clock, lambda: 1.0)
    pauses = []
    for _ in range(8):
        breaker.failed()
        pauses.append(breaker.pause_seconds())
        clock.now += 100
    assert pauses[:4] == [4.0, 8.0, 16.0, 32.0]
    assert max(pauses) == LONGEST_SECONDS
    breaker.succeeded()
    breaker.failed()
    assert breaker.pause_seconds() == 4.0


def test_a_pause_for_a_closed_port_may_end_at_once() -> None:
    clock = Seconds()
    breaker = Breaker(10.0, clock, lambda: 1.0)
    breaker.failed(awaits_listener=True)
    assert breaker.awaits_listener
    breaker.end_pause()
    assert (breaker.is_open, breaker.pause_seconds(), breaker.awaits_listener) == (True, 0.0, False)
    breaker.failed()
    assert (breaker.pause_seconds(), breaker.awaits_listener, breaker.failures) == (40.0, False, 2)
