"""What is begun on a login node: counted, and never more than its operator allows."""

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from tuning.ssh.budget import MINUTE_SECONDS, Allowance, Traffic, TrafficCount


class Seconds:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_everything_is_counted_and_a_minute_is_forgotten() -> None:
    clock = Seconds()
    traffic = Traffic(Allowance(), clock, clock.sleep)
    traffic.begin_connection()
    traffic.begin_command()
    clock.now += 40
    traffic.begin_transfer()
    assert traffic.read() == TrafficCount(1, 1, 1, connections_last_minute=1, commands_last_minute=2)
    clock.now += 30
    assert traffic.read() == TrafficCount(1, 1, 1, connections_last_minute=0, commands_last_minute=1)
    assert clock.slept == []


def test_what_would_be_too_much_waits_for_the_oldest_to_be_a_minute_old() -> None:
    clock = Seconds()
    traffic = Traffic(Allowance(commands=2, connections=1), clock, clock.sleep)
    traffic.begin_command()
    clock.now += 20
    traffic.begin_transfer()
    traffic.begin_command()
    assert clock.slept == [40]
    traffic.begin_connection()
    traffic.begin_connection()
    assert clock.slept == [40, 60]


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60), st.integers(min_value=1, max_value=8))
def test_in_no_minute_is_more_begun_than_allowed(pauses: list[float], allowed: int) -> None:
    clock = Seconds()
    traffic = Traffic(Allowance(commands=allowed), clock, clock.sleep)
    begun = []
    for pause in pauses:
        clock.now += pause
        traffic.begin_command()
        begun.append(clock.now)
    for first in begun:
        assert sum(first <= moment < first + MINUTE_SECONDS - 1e-2 for moment in begun) <= allowed


def test_many_threads_count_each_of_theirs() -> None:
    traffic = Traffic(Allowance(commands=10_000))

    def begin_many() -> None:
        for _ in range(100):
            traffic.begin_command()

    threads = [Thread(target=begin_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traffic.read().commands == 800
