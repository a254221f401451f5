import pytest

from tuning.llamafactory.commands.blocks import Blocks
from tuning.llamafactory.commands.conditions import truth
from tuning.llamafactory.commands.shell_text import scan
from tuning.llamafactory.commands.variables import Variables


def certain_and_doubtful(text: str) -> tuple[list[str], list[str]]:
    """First words of the commands that are sure to run, and of those that may or may not."""
    blocks = Blocks()
    found: tuple[list[str], list[str]] = ([], [])
    for statement in scan(text):
        blocks.enter(statement)
        words, runs = blocks.command()
        if words and runs is not False:
            found[0 if runs else 1].append(words[0].plain)
        blocks.leave(statement, value=truth(Variables({"KNOWN": "k"}).words(words)))
    return found


@pytest.mark.parametrize(
    ("text", "certain", "doubtful"),
    [
        ("a; b && c", "a b c", ""),
        ("a || b; c", "a c", "b"),
        ("[ -f x ] && a && b; c", "[ c", "a b"),
        ("! a; b", "a b", ""),
        ("if a; then b; elif c; then d; else e; fi; f", "a f", "b c d e"),
        ("if { a; }; then b; fi; c", "a c", "b"),
        ("if [ $KNOWN ]; then b; elif c; then d; else e; fi; f", "[ b f", ""),
        ("if [ -z $KNOWN ]; then b; elif [ $KNOWN = k ]; then d; else e; fi; f", "[ [ d f", ""),
        ("if [ -z $KNOWN ]; then b; elif c; then d; else e; fi; f", "[ c f", "d e"),
        ("if [ $OPEN ]; then b; elif [ $KNOWN ]; then d; else e; fi; f", "[ f", "b [ d"),
        ("if [ $OPEN ]; then b; elif [ -z $KNOWN ]; then d; else e; fi; f", "[ f", "b [ e"),
        ("if [ -z $KNOWN ]; then b; elif [ -z $KNOWN ]; then d; else e; fi; f", "[ [ e f", ""),
        ("if [ $KNOWN ] && [ $KNOWN ]; then b; fi; c", "[ [ c", "b"),
        ("if ! [ $KNOWN ]; then b; else if [ $KNOWN ]; then c; else d; fi; fi; e", "[ [ c e", ""),
        ("[ $KNOWN ] && a; [ $KNOWN ] || b; [ -z $KNOWN ] && c; [ -z $KNOWN ] || d", "[ a [ [ [ d", ""),
        ("[ -z $KNOWN ] && a && b || c", "[ c", ""),
        ("[ $OPEN ] || a && b", "[ b", "a"),
        ("for x in 1 2; do a; done; b", "b", "a"),
        ("while a; do b; done < f; c", "c", "a b"),
        ("case $x in a) b;; *) e;; esac; f", "f", "b e"),
        ("f() { a; }; b", "b", "a"),
        ("f ( )\n{\na\n}\nb", "b", "a"),
        ("function f { a; }; b", "b", "a"),
        ("function f() { a; }; b", "b", "a"),
        ("(a; b) && { c; }; d", "a b c d", ""),
        ("(if a; then b; fi); c", "a c", "b"),
        ("fi; } ) done a; b", "fi } done b", ""),
    ],
)
def test_only_what_stands_in_no_condition_is_sure_to_run(text: str, certain: str, doubtful: str) -> None:
    assert certain_and_doubtful(text) == (certain.split(), doubtful.split())


def test_the_outermost_block_is_told_where_its_lines_begin() -> None:
    blocks = Blocks()
    begun = []
    for statement in scan("a\nif b; then\nfor x in 1; do c; done\nelse\nd\nfi\n{ e; }\nwhile f; do g; done"):
        begun.append((blocks.enter(statement), statement.line))
        blocks.leave(statement, value=None)
    assert [entry for entry in begun if entry[0] is not None] == [("if", 2), ("while", 8)]
