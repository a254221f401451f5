"""Shells that wait: taken once, replaced behind the taker's back, and never a dead one."""

import time
from collections.abc import Callable

from tuning.ssh.shell_pool import ReadyShells


class Shell:
    """Counts as waiting until it is closed or dies."""

    def __init__(self) -> None:
        self.is_alive, self.is_closed = True, False

    def close(self) -> None:
        self.is_closed = True


class Opener:
    """Opens shells until it is told that there is no connection."""

    def __init__(self) -> None:
        self.opened: list[Shell] = []
        self.has_connection = True

    def __call__(self) -> Shell | None:
        if not self.has_connection:
            return None
        self.opened.append(Shell())
        return self.opened[-1]


def ready(opener: Opener) -> ReadyShells[Shell]:
    return ReadyShells(opener, lambda shell: shell.is_alive, 2, pause_seconds=0.0)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def test_nothing_is_opened_before_somebody_wanted_one() -> None:
    opener = Opener()
    shells = ready(opener)
    assert opener.opened == []
    assert shells.take() is None
    shells.refill_soon()
    until(lambda: len(shells._shells) == 2)


def test_each_is_taken_once_and_others_follow() -> None:
    opener = Opener()
    shells = ready(opener)
    shells.refill_soon()
    until(lambda: len(shells._shells) == 2)
    taken = [shells.take(), shells.take()]
    assert taken == opener.opened[:2]
    shells.refill_soon()
    until(lambda: len(opener.opened) >= 4)


def test_one_that_died_while_it_waited_is_not_given() -> None:
    opener = Opener()
    shells = ready(opener)
    shells.refill_soon()
    until(lambda: len(shells._shells) == 2)
    opener.opened[0].is_alive = False
    assert shells.take() is opener.opened[1]
    assert opener.opened[0].is_closed


def test_all_are_dropped_and_closed() -> None:
    opener = Opener()
    shells = ready(opener)
    shells.refill_soon()
    until(lambda: len(shells._shells) == 2)
    assert shells.drop()
    assert not shells.drop()
    assert all(shell.is_closed for shell in opener.opened)


def test_without_a_connection_nothing_is_tried_again_by_itself() -> None:
    opener = Opener()
    opener.has_connection = False
    shells = ready(opener)
    for _ in range(2):
        shells.refill_soon()
        until(lambda: not shells._is_refilling)
        assert shells.take() is None
    assert opener.opened == []
