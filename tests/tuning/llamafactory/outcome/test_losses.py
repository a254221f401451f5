import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.outcome.losses import loss_after_last_line, mean_loss


def test_a_run_of_three_steps_that_logged_its_first_ends_with_the_mean_of_the_other_two() -> None:
    """Losses of 3, 2 and 1; only the first was logged."""
    history = [{"step": 1, "loss": 3.0}, {"step": 3, "train_loss": 2.0}]
    assert loss_after_last_line(history, 2.0, 3) == pytest.approx(1.5)


def test_a_line_has_the_mean_since_the_line_before() -> None:
    history = [{"step": 1, "loss": 3.0}, {"step": 10, "loss": 2.0}]
    assert loss_after_last_line(history, (3 + 9 * 2 + 2 * 1.2) / 12, 12) == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("history", "own", "steps"),
    [
        ([{"step": 10, "loss": 2.0}], 2.0, 10),
        ([{"step": 10, "loss": 2.0}], 0.4, 12),
        ([], 2.0, 3),
        ([{"step": 1, "loss": 3.0}], None, 3),
        ([{"step": 1, "loss": 3.0}], 2.0, None),
        ([{"step": 1, "loss": math.nan}], 2.0, 3),
        ([{"step": 10_000, "loss": 2.0}], 2.0, 10_003),
    ],
    ids=["all logged", "resumed", "nothing logged", "no mean", "no steps", "diverged", "nothing but rounding"],
)
def test_where_nothing_is_left_to_tell_there_is_none(
    history: list[dict[str, Any]], own: float | None, steps: float | None
) -> None:
    assert loss_after_last_line(history, own, steps) is None


anything = st.none() | st.floats() | st.integers() | st.text(max_size=3)


@given(
    st.lists(st.fixed_dictionaries({"step": anything, "loss": anything}), max_size=5),
    st.none() | st.floats(-1e300, 1e300),
    st.none() | st.floats(-1e300, 1e300),
)
def test_whatever_a_run_has_written_no_loss_is_absurd(
    history: list[dict[str, Any]], own: float | None, steps: float | None
) -> None:
    mean_loss(history, own, steps)
    last = loss_after_last_line(history, own, steps)
    assert last is None or math.isfinite(last)
