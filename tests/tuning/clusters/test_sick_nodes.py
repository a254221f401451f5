"""Nodes on which runs fail by hardware's words are left out for a while, as far as enough others are left."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import NOON
from tuning.clusters.models import NodeFault
from tuning.clusters.sick_nodes import REMEMBERED, Fault, faults_of, nodes_to_avoid, note_fault, sick_nodes

HOUR = timedelta(hours=1)


def fault(node: str = "n1", job: str = "job_a", ago: timedelta = timedelta()) -> Fault:
    return Fault(node, job, NOON - ago, f"a GPU of {node} does not work")


def named(*faults: Fault) -> list[str]:
    return [sick.node for sick in sick_nodes(faults, NOON)]


def test_a_node_is_sick_once_runs_of_two_jobs_have_failed_on_it() -> None:
    assert named(fault()) == named(fault(), fault(ago=HOUR / 2)) == []
    (sick,) = sick_nodes([fault(ago=HOUR / 2), fault(job="job_b")], NOON)
    assert (sick.node, sick.faults, sick.since) == ("n1", 2, NOON - HOUR / 2)
    assert (sick.excluded_until, sick.job_ids) == (NOON + HOUR, ("job_b", "job_a"))


def test_it_is_tried_again_later_and_left_out_longer_when_it_fails_once_more() -> None:
    two = [fault(ago=3 * HOUR), fault(job="job_b", ago=2 * HOUR)]
    assert named(*two) == []
    (sick,) = sick_nodes([*two, fault(job="job_c")], NOON)
    assert sick.excluded_until == NOON + 2 * HOUR
    many = [fault(job=f"job_{number}") for number in range(100)]
    assert sick_nodes(many, NOON)[0].excluded_until == NOON + 12 * HOUR


FOUR = {"n1": True, "n2": True, "n3": True, "n4": True}
SICK = [fault(node, job) for node in ("n1", "n2", "n3") for job in ("job_a", "job_b")]


@pytest.mark.parametrize(
    ("usable", "asked", "avoided"),
    [
        (FOUR, 1, ("n1", "n2")),
        (FOUR, 3, ("n1",)),
        (FOUR, 4, ()),
        ({"n1": True}, 1, ()),
        ({"n1": True, "n2": True}, 1, ("n1",)),
        ({"n1": False, "n2": True, "n4": True}, 1, ("n1", "n2")),
        ({"n9": True, "n8": True}, 1, ()),
        ({}, 1, ()),
    ],
)
def test_enough_nodes_are_left(usable: dict[str, bool], asked: int, avoided: tuple[str, ...]) -> None:
    assert nodes_to_avoid(SICK, "job_z", usable, asked, NOON) == avoided


def test_a_job_keeps_away_from_where_it_failed_itself() -> None:
    faults = [fault("n3", "job_z"), *SICK]
    assert nodes_to_avoid(faults, "job_z", FOUR, 1, NOON) == ("n3", "n1")
    assert nodes_to_avoid([fault("n3", "job_z")], "job_a", FOUR, 1, NOON) == ()


def test_what_is_old_no_longer_counts_and_is_forgotten(session: Session) -> None:
    for ago in (REMEMBERED + HOUR, REMEMBERED - HOUR):
        note_fault(session, "lab", fault(ago=ago))
    note_fault(session, "far", fault(ago=REMEMBERED + HOUR))
    assert faults_of(session, ["lab", "far"], NOON) == {"lab": [fault(ago=REMEMBERED - HOUR)]}
    note_fault(session, "lab", fault())
    assert session.scalar(select(func.count()).select_from(NodeFault).where(NodeFault.cluster == "lab")) == 2
