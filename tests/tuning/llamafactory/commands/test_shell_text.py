import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import InvalidInput
from tuning.llamafactory.commands.shell_text import MAX_CHARACTERS, Statement, scan
from tuning.llamafactory.commands.variables import Variables, shown


def words(text: str) -> list[list[str]]:
    """Words of each statement, without values of variables."""
    return [[shown(word) for word in Variables().words(statement.words)] for statement in scan(text)]


def refusal(text: str) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(InvalidInput) as caught:
        scan(text)
    return caught.value.findings[0].loc, caught.value.findings[0].message


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a b\\\n  c", [["a", "b", "c"]]),
        ("a \\\n  --b 1 \\\n  --c", [["a", "--b", "1", "--c"]]),
        ("a # b c\n#d\nb#c", [["a"], ["b#c"]]),
        ('a \'b $c\' "d\\"e\\n" f\\ g', [["a", "b $c", 'd"e\\n', "f g"]]),
        ("a ''", [["a", ""]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a >x 2>&1 <y &>z b", [["a", "b"]]),
        ("a=(1 2 # no\n 3)", [["a="]]),
        ("[[ $a && b < c ]] && d", [["[[", "$a", "&", "&", "b", "<", "c", "]]"], ["d"]]),
        ('a $(b $(c) ")") `d e` <(f)', [["a", "$(...)", "`...`", "<(...)"]]),
        ("a\r\nb\r\n", [["a"], ["b"]]),
        ("a $'b'", [["a", "b"]]),
        ("", []),
    ],
)
def test_words_are_those_that_bash_would_have(text: str, read: list[list[str]]) -> None:
    assert words(text) == read


def heredoc(text: str) -> tuple[str, list[str]]:
    """The heredoc's text, and what follows it."""
    statements: tuple[Statement, ...] = scan(text)
    redirect = next(entry for entry in statements[0].redirects if entry.operator.startswith("<<"))
    return Variables({"b": "B"}).text(redirect.target), [word.plain for entry in statements[1:] for word in entry.words]


def test_a_heredoc_is_the_text_up_to_its_end() -> None:
    assert heredoc("cat >f <<E\na: $b\nE\nc") == ("a: B\n", ["c"])
    assert heredoc("cat <<'E' >f\na: $b\nE\nc") == ("a: $b\n", ["c"])
    assert heredoc("cat <<-E | d\n\ta\n\tE\n") == ("a\n", ["d"])


def test_lines_are_counted_where_words_begin() -> None:
    found = scan("a \\\n b\ncat <<E\nx\ny\nE\n'c\nd' e\nf")
    assert [entry.line for entry in found] == [1, 3, 7, 9]
    assert [word.line for word in found[0].words] == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a\nb 'c\n\n", 2, "quotation mark ' is opened here and never closed"),
        ('a\n"b', 2, 'quotation mark "'),
        ("a $(b", 1, "bracket ("),
        ("a\n${b", 2, "bracket {"),
        ("a\n`b", 2, "mark `"),
        ("a=(b", 1, "bracket ("),
        ("a\ncat <<E\nb", 2, "heredoc <<E"),
        ("a\nb\x00", 2, "U+0000"),
        ("\ud800", 1, "U+D800"),
        ("x" * (MAX_CHARACTERS + 1), 1, "are allowed"),
    ],
)
def test_what_cannot_be_taken_apart_is_told_with_its_line(text: str, line: int, says: str) -> None:
    loc, message = refusal(text)
    assert loc == (line,)
    assert says in message


@given(st.text(alphabet="ab \n\\'\"$`(){}[]<>|&;#=*@\t:-EOF", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        lines = [statement.line for statement in scan(text)]
    except InvalidInput as error:
        lines = [int(finding.loc[0]) for finding in error.findings]
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)
