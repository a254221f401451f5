"""Transfers from one cluster: shared out, so that no person holds all of them."""

from contextlib import ExitStack

import pytest

from server.clusters.transfer_budget import OPENINGS_A_MINUTE, OPENINGS_A_MINUTE_EACH, TransferBudget, TransferLimits
from tests.factories import Seconds
from tuning.errors import Unavailable, Unreachable

LIMITS = TransferLimits(in_all=3, per_person=2)


@pytest.fixture
def budget(seconds: Seconds) -> TransferBudget:
    return TransferBudget(LIMITS, seconds)


def test_one_person_does_not_get_all_places(budget: TransferBudget) -> None:
    with ExitStack() as held:
        for _ in range(LIMITS.per_person):
            held.enter_context(budget.place("ada"))
        with pytest.raises(Unavailable, match="you read 2 files") as refused, budget.place("ada"):
            pass
        assert refused.value.retry_after_seconds > 0
        with budget.place("bob"):
            pass
    with budget.place("ada"):
        pass


def test_all_together_get_no_more_than_the_cluster_has(budget: TransferBudget) -> None:
    with ExitStack() as held:
        for number in range(LIMITS.in_all):
            held.enter_context(budget.place(f"user{number}"))
        with pytest.raises(Unavailable, match="3 files are being read"), budget.place("ada"):
            pass
    with budget.place("ada"):
        pass


def test_a_failed_transfer_is_given_back(budget: TransferBudget) -> None:
    for _ in range(LIMITS.in_all + 1):
        with pytest.raises(Unreachable), budget.place("ada"):
            raise Unreachable("broken")


def test_so_many_a_minute_for_one_and_more_for_all(budget: TransferBudget, seconds: Seconds) -> None:
    for user in ("ada", "bob"):
        for _ in range(OPENINGS_A_MINUTE_EACH):
            with budget.place(user):
                seconds.now += 0.1
        with pytest.raises(Unavailable, match="for one person"), budget.place(user):
            pass
    assert 2 * OPENINGS_A_MINUTE_EACH == OPENINGS_A_MINUTE
    with pytest.raises(Unavailable, match="120 files a minute") as refused, budget.place("eve"):
        pass
    seconds.now += refused.value.retry_after_seconds
    with budget.place("eve"):
        pass
