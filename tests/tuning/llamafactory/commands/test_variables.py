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
        ("A=(p 'q r')\nA+=(s)\nx \"${A[@]}\" ${A[0]}", ["x", "p", "q r", "s", "p"]),
        ('A=(p \'q r\' s)\nI=1\nx "${A[I]}" "${A[$I+1]}" ${A[-1]} "${A[@]:1}"', ["x", "q r", "s", "s", "q r", "s"]),
        (
            'A=(p q)\nx ${#A[@]} ${#A} ${A[9]:-none} "${A[@]/%/.json}"',
            ["x", "2", "1", "none", "p.json", "q.json"],
        ),
        ('x "${@:2}" "${@:1:1}" ${1:?usage} ${1%t}', ["x", "second word", "first", "first", "firs"]),
        (
            "M=org/Qwen-7B/\nM=${M%/}\nx ${M##*/} ${M//\\//_} ${M%-*} ${M:0:3}",
            ["x", "Qwen-7B", "org_Qwen-7B", "org/Qwen", "org"],
        ),
        ("x ${NO:-d} ${NO:-$HERE} ${HERE:-d} ${NO:+e}", ["x", "d", "a", "b", "a", "b"]),
        (
            """x ${NO:-"d e"} "${NO:-"d"}" ${NO:-'$HERE'} "${NO:-it's}" ${NO:-\\$HERE}""",
            ["x", "d", "e", "d", "$HERE", "it's", "$HERE"],
        ),
        ('x "$@" $1 "$2"', ["x", "first", "second word", "first", "second word"]),
    ],
)
def test_values_stand_where_bash_would_put_them(text: str, words: list[str]) -> None:
    assert last_words(text) == words


@pytest.mark.parametrize(
    "reference", ["A[x y]", "NO%a", "A[$NO]", "#NO", "HERE:?", "NO:?why", "!HERE", "HERE@Q", "@:0"]
)
def test_a_reference_that_is_not_read_is_left_open(reference: str) -> None:
    known = Variables({"HERE": "a b"}, ["first"])
    [statement] = scan(f'A=(p)\nx "${{{reference}}}"')[1:]
    known.assign(scan("A=(p)")[0].words[0])
    assert is_read(known.words(statement.words)[1]) is (reference == "HERE:?")


def test_the_path_of_a_program_is_its_name() -> None:
    assert last_words('x $(which llamafactory-cli) "$(command -v python)"') == ["x", "llamafactory-cli", "python"]
    assert not is_read(last_words("x $(which a b)")[1])


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
    for reference in ("$A", "${A:-2}", "${A:+2}", "${A%1}"):
        assert left_open(variables.words(scan(f"x {reference}")[0].words)[1]) == "$A?", reference
    assert variables.inherited() == {}
