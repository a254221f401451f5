import pytest

from tuning.errors import InvalidInput
from tuning.llamafactory.commands.shell_text import scan
from tuning.llamafactory.commands.variables import Variables, assigned_name, is_read, left_open, shown


def last_words(text: str) -> list[str]:
    """The words of the last statement, after the assignments of those before."""
    variables = Variables({"HERE": "a b"}, ["first", "second word"])
    *before, last = scan(text)
    for statement in before:
        for word in statement.words:
            assert assigned_name(word)
            variables.assign(word)
    return variables.words(last.words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x $HERE", ["x", "a", "b"]),
        ('x "$HERE" "${HERE}c"', ["x", "a b", "a bc"]),
        ("x '$HERE'", ["x", "$HERE"]),
        ("x p${HERE}q", ["x", "pa", "bq"]),
        ("E=\nx $E y", ["x", "y"]),
        ('E=\nx "$E" y', ["x", "", "y"]),
        ("E=' a '\nx p${E}q", ["x", "p", "a", "q"]),
        ("A=1\nA+=2\nx $A", ["x", "12"]),
        ("A=1; B=$A-${A}3\nx $B", ["x", "1-13"]),
        ("A=(p 'q r')\nA+=(s)\nx \"${A[@]}\" ${A[0]}", ["x", "p", "q r", "s", "\ue000${A[0]}\ue000"]),
        ("x ${NO:-d} ${NO:-$HERE} ${HERE:-d} ${NO:+e}", ["x", "d", "a", "b", "a", "b"]),
        ('x "$@" $1 "$2"', ["x", "first", "second word", "first", "second word"]),
    ],
)
def test_values_stand_where_bash_would_put_them(text: str, words: list[str]) -> None:
    assert last_words(text) == words


def test_what_the_text_does_not_set_is_left_open_by_its_name() -> None:
    word = last_words("x out/$NOT_SET/$(date +%s)")[1]
    assert not is_read(word)
    assert (shown(word), left_open(word)) == ("out/$NOT_SET/$(...)", "$NOT_SET")


def test_a_value_that_doubles_itself_again_and_again_is_refused() -> None:
    lines = ["A=xxxxxxxxxxxxxxxx", *["A=$A$A"] * 40, "x $A"]
    with pytest.raises(InvalidInput, match="longer than"):
        last_words("\n".join(lines))


def test_a_forgotten_value_is_left_open() -> None:
    variables = Variables({"A": "1"})
    variables.forget("A")
    assert variables.get("A") is None
    assert variables.inherited() == {}
