"""Share error, on deals that can be counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.simulation.workloads import PEOPLE
from tuning.queue.simulation.engine import StartedJob
from tuning.queue.simulation.share_error import even_deal, share_error
from tuning.queue.simulation.trace import TraceJob

ANA, BO, CY = PEOPLE[:3]


def test_nobody_is_dealt_more_than_wanted_and_the_rest_is_even() -> None:
    assert even_deal({ANA: 1, BO: 10, CY: 10}, 9) == {ANA: 1, BO: 4, CY: 4}


@given(st.dictionaries(st.sampled_from(PEOPLE), st.floats(0, 1e6)), st.floats(0, 1e6))
def test_the_deal_gives_all_that_is_wanted_or_all_that_there_is(wanted: dict, gpus: float) -> None:  # type: ignore[type-arg]
    dealt = even_deal(wanted, gpus)
    assert sum(dealt.values()) == pytest.approx(min(gpus, sum(wanted.values())))
    assert all(dealt[person] <= wanted[person] for person in wanted)


def test_half_of_the_machine_at_the_wrong_person_is_an_error_of_a_half() -> None:
    runs = [
        StartedJob(TraceJob(ANA, 0, 4, 100, 100), 0),
        StartedJob(TraceJob(BO, 0, 4, 100, 100), 100),
        StartedJob(TraceJob(ANA, 100, 1, 1, 1), 200),
    ]
    assert share_error(runs, gpus=4) == pytest.approx(0.5)


def test_who_is_alone_has_it_all_without_error() -> None:
    runs = [StartedJob(TraceJob(ANA, at, 4, 50, 50), at) for at in (0, 100)]
    assert share_error(runs, gpus=4) == 0
