"""Which node was at fault: known, named, or in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jobs.attempt.node_at_fault import node_at_fault

FAILED = "srun: error: gpu03: task 2: Exited with exit code 1"


@pytest.mark.parametrize(
    ("nodes", "evidence", "node"),
    [
        ("gpu07", (), "gpu07"),
        ("gpu[01-03]", (FAILED, "srun: error: gpu01: task 0: Terminated"), "gpu03"),
        (
            "gpu01,gpu02",
            ("srun: error: Task launch for StepId=36.0 failed on node gpu02: Job credential expired",),
            "gpu02",
        ),
        (None, ("srun: error: Node failure on gpu02",), "gpu02"),
        ("gpu[01-03]", (FAILED, FAILED.replace("gpu03", "gpu01")), None),
        ("gpu[01-03]", (), None),
        (None, (), None),
    ],
)
def test_a_node_is_at_fault_where_only_it_can_be(
    nodes: str | None, evidence: tuple[str, ...], node: str | None
) -> None:
    assert node_at_fault(nodes, evidence) == node


@given(st.none() | st.text(max_size=50), st.lists(st.text(max_size=50) | st.just(FAILED), max_size=3))
def test_no_text_of_a_log_names_more_than_a_node(nodes: str | None, evidence: list[str]) -> None:
    node = node_at_fault(nodes, evidence)
    assert node is None or not set(node) & set(" ,[]\n")
