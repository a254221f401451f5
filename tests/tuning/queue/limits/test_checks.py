"""A limit that cannot be meant is refused, with its place and what to give."""

import math

import pytest

from tests.tuning.queue.limits.limited import limit
from tuning.queue.limits.checks import check_limit
from tuning.queue.limits.limit import EACH, Limit, LimitKind, SubjectKind


def places(one: Limit) -> list[str]:
    return [str(finding.loc[0]) for finding in check_limit(one, {"lab"})]


@pytest.mark.parametrize("kind", LimitKind)
def test_a_plain_limit_of_each_kind_is_good(kind: LimitKind) -> None:
    assert places(limit(kind, 10, user="ana")) == []
    assert places(limit(kind, 0, team=EACH)) == []


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf, 1e30])
def test_an_absurd_amount_is_refused(amount: float) -> None:
    for kind in LimitKind:
        assert places(limit(kind, amount)) == ["amount"]


def test_halves_are_for_hours_alone() -> None:
    assert places(limit(LimitKind.GPU_HOURS, 0.5)) == []
    assert places(limit(LimitKind.GPUS, 0.5)) == ["amount"]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (LimitKind.GPUS, []),
        (LimitKind.GPU_HOURS, ["partition", "class"]),
        (LimitKind.RESULT_BYTES, ["partition", "class"]),
        (LimitKind.DATASET_BYTES, ["cluster", "partition", "class"]),
    ],
)
def test_a_narrowing_that_is_not_counted_is_refused(kind: LimitKind, refused: list[str]) -> None:
    assert places(limit(kind, 1, cluster="lab", partition="gpu", job_class="urgent")) == refused


def test_clusters_and_classes_that_are_not_there_are_refused() -> None:
    assert places(limit(LimitKind.GPUS, 1, cluster="moon", partition="a,b", job_class="vip")) == [
        "cluster",
        "class",
        "partition",
    ]


def test_everybody_has_no_name_and_all_others_have() -> None:
    assert places(Limit("", SubjectKind.EVERYBODY, "ana", LimitKind.GPUS, 1)) == ["subject"]
    assert places(Limit("", SubjectKind.USER, "", LimitKind.GPUS, 1)) == ["subject"]
