import pytest

from tuning.llamafactory.commands.blocks import Blocks
from tuning.llamafactory.commands.shell_text import scan


def certain_and_doubtful(text: str) -> tuple[list[str], list[str]]:
    """First words of the commands that are sure to run, and of those that may or may not."""
    blocks = Blocks()
    found: tuple[list[str], list[str]] = ([], [])
    for statement in scan(text):
        blocks.enter(statement)
        words, is_certain = blocks.command(statement)
        if words:
            found[0 if is_certain else 1].append(words[0].plain)
        blocks.leave(statement)
    return found


@pytest.mark.parametrize(
    ("text", "certain", "doubtful"),
    [
        ("a; b && c", "a b c", ""),
        ("a || b; c", "a c", "b"),
        ("[ x ] && a && b; c", "[ c", "a b"),
        ("! a; b", "a b", ""),
        ("if a; then b; elif c; then d; else e; fi; f", "f", "a b c d e"),
        ("if { a; }; then b; fi; c", "c", "a b"),
        ("for x in 1 2; do a; done; b", "b", "a"),
        ("while a; do b; done < f; c", "c", "a b"),
        ("case $x in a) b;; *) e;; esac; f", "f", "b e"),
        ("f() { a; }; b", "b", "a"),
        ("f ( )\n{\na\n}\nb", "b", "a"),
        ("function f { a; }; b", "b", "a"),
        ("function f() { a; }; b", "b", "a"),
        ("(a; b) && { c; }; d", "a b c d", ""),
        ("(if a; then b; fi); c", "c", "a b"),
        ("fi; } ) done a; b", "fi } done b", ""),
    ],
)
def test_only_what_stands_in_no_condition_is_sure_to_run(text: str, certain: str, doubtful: str) -> None:
    assert certain_and_doubtful(text) == (certain.split(), doubtful.split())


def test_the_outermost_block_is_told_with_its_line() -> None:
    blocks = Blocks()
    begun = []
    for statement in scan("a\nif b; then\nfor x in 1; do c; done\nfi\n{ d; }"):
        begun.append(blocks.enter(statement))
        blocks.leave(statement)
    assert [(block.word, block.line) for block in begun if block is not None] == [("if", 2)]
