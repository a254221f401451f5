import pytest

from tuning.llamafactory.commands.conditions import truth


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["[", "-n", "a", "]"], True),
        (["[", "-n", "", "]"], False),
        (["[", "-n", "]"], True),
        (["[", "-z", "", "]"], True),
        (["test", "a"], True),
        (["[", "]"], False),
        (["[", "!", "-n", "a", "]"], False),
        (["[", "a", "=", "a", "]"], True),
        (["[[", "a", "!=", "b", "]]"], True),
        (["[", "4", "-gt", "1", "]"], True),
        (["[", "04", "-eq", "4", "]"], True),
        (["[", "a", "-gt", "1", "]"], None),
        (["[[", "a", "==", "a*", "]]"], None),
        (["[", "-f", "a", "]"], None),
        (["[", "a", "-a", "b", "-o", "c", "]"], None),
        (["[", "-n", "\ue000$X\ue000", "]"], None),
        (["[", "a"], None),
        (["grep", "a"], None),
        ([], None),
    ],
)
def test_a_test_holds_where_its_words_say_so(words: list[str], value: bool | None) -> None:
    assert truth(words) is value
