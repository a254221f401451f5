"""Conditions, loops, functions and groups of a shell text: which statements run, as far as that is known. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuning.llamafactory.commands.conditions import is_test
from tuning.llamafactory.commands.shell_text import Statement, Word

MOST_KEYWORDS = 50
"""Of one statement."""
_CLOSED_BY = {
    "if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac", "{": "}", "(": ")",
    "function": "}",
}  # fmt: skip
_GROUPS = frozenset({"{", "("})
"""They run whatever stands in them."""
_WITHOUT_COMMAND = frozenset({"for", "select", "case"})
_BRANCHES = frozenset({"then", "elif", "else"})


@dataclass
class _Block:
    word: str
    runs: bool | None
    """Of the lines at present; None = it is not known."""
    condition: bool | None = None
    """Of an `if`: as the last test has it."""
    is_condition: bool = False
    """Whether the lines at present are its condition."""
    is_decided: bool = False
    """Whether the condition has had its test."""
    is_over: bool = False
    """Whether a branch of it has run, at the latest the one before."""
    is_open: bool = False
    """Whether a branch of it may have run."""


class Blocks:
    """Conditions, loops, functions and groups that are open at one statement."""

    def __init__(self) -> None:
        self._open: list[_Block] = []
        self._words: Sequence[Word] = ()
        self._operator = ""
        """Before this statement."""
        self._list: bool | None = True
        """Whether the list of commands so far has succeeded: `a && b || c`."""
        self._is_assumed = True
        """As every command is taken to succeed; only a test is known to."""
        self._names_function = self._is_negated = False

    def enter(self, statement: Statement) -> str | None:
        """Take a statement's keywords off; the word of the outermost block of which it is not known whether it runs.

        It is told once, where such lines begin.
        """
        was_known = self._runs is not None
        taken, self._is_negated = 0, False
        for word in statement.words[:MOST_KEYWORDS]:
            if not self._take_keyword(word.plain):
                break
            taken += 1
            if word.plain in _WITHOUT_COMMAND:
                taken = len(statement.words)
        self._words = statement.words[taken:]
        names_function = statement.end == "(" and bool(self._words)
        if names_function or (self._open and self._open[-1].word == "case" and statement.end == ")"):
            self._names_function = names_function
            self._words = ()
        if not was_known or self._runs is not None:
            return None
        return next(block.word for block in self._open if block.runs is None)

    def command(self) -> tuple[Sequence[Word], bool | None]:
        """The words of the statement that are a command, and whether it runs; None = it is not known."""
        return self._words, self._and(self._runs, self._runs_in_list)

    def leave(self, statement: Statement, *, value: bool | None) -> None:
        """Go on to the next statement; `value`: whether this one succeeds, where it is a test that can be read."""
        if self._words:
            self._settle(None if value is None else value is not self._is_negated)
        if statement.end == "(":
            self._open.append(_Block("(", runs=True))
        elif statement.end == ")" and self._open and self._open[-1].word == "(":
            self._open.pop()
        self._operator = statement.end if statement.end in ("&&", "||") else ""

    @property
    def _runs(self) -> bool | None:
        runs: bool | None = True
        for block in self._open:
            runs = self._and(runs, block.runs)
        return runs

    @property
    def _runs_in_list(self) -> bool | None:
        if self._operator == "&&":
            return self._list
        if self._operator == "||":
            return None if self._list is None or self._is_assumed else not self._list
        return True

    @staticmethod
    def _and(first: bool | None, second: bool | None) -> bool | None:
        if first is False or second is False:
            return False
        return None if first is None or second is None else True

    def _settle(self, value: bool | None) -> None:
        """The list's value after this statement, and that of the condition that it is."""
        is_assumed = not is_test(self._words)
        ran = self._runs_in_list
        if ran is None:
            # a || b: whichever ran is taken to have succeeded
            self._list = True if self._operator == "||" and is_assumed else None
        elif ran:
            self._list = True if is_assumed else value
        if ran is not False:
            self._is_assumed = is_assumed
        block = self._open[-1] if self._open else None
        if block is not None and block.is_condition:
            is_whole = not block.is_decided and not self._operator and not is_assumed
            block.condition = self._list if is_whole else None
            block.is_decided = True

    def _take_keyword(self, keyword: str) -> bool:
        """Whether a word is a keyword at this place."""
        if self._names_function and keyword not in _CLOSED_BY:
            return True  # the name behind `function`
        if keyword == "function":
            self._names_function = True
        elif keyword in _CLOSED_BY and keyword != "(":
            self._begin(keyword)
        elif self._open and keyword == _CLOSED_BY[self._open[-1].word]:
            self._open.pop()
        elif keyword in _BRANCHES and self._open and self._open[-1].word == "if":
            self._branch(self._open[-1], keyword)
        elif keyword == "!":
            self._is_negated = not self._is_negated
        else:
            return keyword == "do" and bool(self._open)
        return True

    def _begin(self, keyword: str) -> None:
        word = "function" if keyword == "{" and self._names_function else keyword
        self._names_function = False
        # the condition of an `if` runs in any case
        runs = True if word in _GROUPS or word == "if" else None
        self._open.append(_Block(word, runs, is_condition=word == "if"))

    def _branch(self, block: _Block, keyword: str) -> None:
        """`then`: as the condition has it; `else` and `elif`: where no branch before has run."""
        block.is_condition = keyword == "elif"
        if keyword == "then":
            block.runs = False if block.is_over else self._and(block.runs, block.condition)
            return
        block.is_over = block.is_over or block.condition is True
        block.is_open = block.is_open or block.condition is None
        block.runs = False if block.is_over else None if block.is_open else True
        block.condition, block.is_decided = None, False
