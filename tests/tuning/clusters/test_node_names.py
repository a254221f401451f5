"""Names of nodes from Slurm's short form of a list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.clusters.node_names import MOST_NAMES, node_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu07", ["gpu07"]),
        ("gpu[01-03,07],cpu1", ["gpu01", "gpu02", "gpu03", "gpu07", "cpu1"]),
        ("rack[1-2]-gpu", ["rack1-gpu", "rack2-gpu"]),
        ("gpu[9-11]", ["gpu9", "gpu10", "gpu11"]),
        ("", []),
        ("gpu[3-1]", []),
        ("gpu[x]", []),
    ],
)
def test_lists_are_taken_apart(text: str, names: list[str]) -> None:
    assert node_names(text) == names


def test_a_list_without_end_is_cut() -> None:
    assert len(node_names("n[1-999999999],m[1-999999999]")) == MOST_NAMES


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    assert len(node_names(text)) <= MOST_NAMES
