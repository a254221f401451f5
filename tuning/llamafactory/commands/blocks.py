"""Conditions, loops, functions and groups of a shell text: which statements are sure to run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuning.llamafactory.commands.shell_text import ARITHMETIC, Statement, Word

MOST_KEYWORDS = 50
"""Of one statement."""
_CLOSED_BY = {
    "if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac", "{": "}", "(": ")",
    "function": "}",
}  # fmt: skip
_GROUPS = frozenset({"{", "("})
"""They run whatever stands in them."""
_WITHOUT_COMMAND = frozenset({"for", "select", "case"})
_BETWEEN = frozenset({"then", "do", "else", "elif", "!"})
_TESTS = frozenset({"[", "[[", "test", ARITHMETIC, "grep", "command", "which", "type", "true", "false"})


@dataclass(frozen=True)
class Begun:
    """Beginning of a condition, a loop, a function or a group."""

    word: str
    line: int


class Blocks:
    """Conditions, loops, functions and groups that are open at one statement."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._words: Sequence[Word] = ()
        self._after = ""
        """The operator before this statement."""
        self._hangs_on_test = False
        self._names_function = False

    def enter(self, statement: Statement) -> Begun | None:
        """Take a statement's keywords off; the outermost condition, loop or function that begins with it."""
        was_certain = self._is_certain
        begun: str | None = None
        taken, is_name = 0, False
        for word in statement.words[:MOST_KEYWORDS]:
            keyword = word.plain
            if is_name:
                is_name = False
            elif keyword == "function":
                is_name = self._names_function = True
            elif keyword in _CLOSED_BY and keyword != "(":
                opened = self._open_block(keyword)
                begun = begun or opened
            elif self._open and keyword == _CLOSED_BY[self._open[-1]]:
                self._open.pop()
            elif keyword not in _BETWEEN or not (self._open or keyword == "!"):
                break
            taken += 1
            if keyword in _WITHOUT_COMMAND:
                taken = len(statement.words)
                break
        self._words = statement.words[taken:]
        names_function = statement.end == "(" and bool(self._words)
        if names_function or (self._open[-1:] == ["case"] and statement.end == ")"):
            self._names_function = names_function
            self._words = ()
        return Begun(begun, statement.line) if begun and was_certain and begun not in _GROUPS else None

    def command(self, statement: Statement) -> tuple[Sequence[Word], bool]:
        """The words of the statement that are a command, and whether it is sure to run."""
        hangs_on_another = self._after == "||" or (self._after == "&&" and self._hangs_on_test)
        return self._words, self._is_certain and not hangs_on_another

    def leave(self, statement: Statement) -> None:
        """Go on to the next statement."""
        if statement.end == "(":
            self._open.append("(")
        elif statement.end == ")" and self._open[-1:] == ["("]:
            self._open.pop()
        if self._after != "&&":
            first = self._words[0] if self._words else None
            shown = "".join(piece.text for piece in first.pieces) if first is not None else ""
            self._hangs_on_test = shown in _TESTS
        self._after = statement.end if statement.end in ("&&", "||", "|") else ""

    @property
    def _is_certain(self) -> bool:
        return all(block in _GROUPS for block in self._open)

    def _open_block(self, keyword: str) -> str:
        block = "function" if keyword == "{" and self._names_function else keyword
        self._names_function = False
        self._open.append(block)
        return block
