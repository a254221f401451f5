import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.commands.arithmetic import evaluate

VALUES = {"A": "6", "B": "4", "TEXT": "a b", "LARGE": "9" * 18}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A * B", 24),
        ("$A/${B}", 1),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("(1 + 2) * -3", -9),
        ("2 ** 3", None),
        ("1 / 0", None),
        ("TEXT + 1", None),
        ("GONE + 1", None),
        ("LARGE * LARGE", None),
        ("A == B", None),
        ("f(1)", None),
        ("1 +", None),
        ("0x10", None),
        ("(" * 190, None),
        ("1" * 5000, None),
        ("", None),
    ],
)
def test_whole_numbers_that_are_known_are_reckoned_with(text: str, value: int | None) -> None:
    assert evaluate(text, VALUES.get) == value


@given(st.text(alphabet="AB0123456789+-*/%() ${}.x", max_size=60))
def test_any_text_is_a_number_or_nothing(text: str) -> None:
    found = evaluate(text, VALUES.get)
    assert found is None or abs(found) < 2**63
