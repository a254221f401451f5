"""Totals over the rows of a file, counted while they go by; the counters do not grow with them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tuning.datasets.check.layouts.columns import shown_name
from tuning.datasets.check.row_result import GoodRows, RowResult
from tuning.datasets.check.stats.duplicates import Repeats
from tuning.datasets.check.stats.histogram import Bin, Histogram
from tuning.datasets.check.stats.writing_systems import count_scripts

_ROLES_SHOWN = 20
_PATTERNS_KEPT = 4096
_ROWS_OF_SCRIPTS = 256
_ONE_ROW_OF_SCRIPTS_IN = 128

CountTokens = Callable[[str], int]


@dataclass(frozen=True)
class Lengths:
    """Lengths of the kept rows, all texts of a row together and without a template's additions.

    In the unit of the report's field: characters (code points) or tokens.
    """

    total: int
    longest: int
    histogram: tuple[Bin, ...]


@dataclass(frozen=True)
class RoleCount:
    """Number of messages that a role speaks in all rows, dropped rows too."""

    role: str
    messages: int


@dataclass(frozen=True)
class ScriptShare:
    """A script's share of the letters, from 0 to 1."""

    script: str
    share: float


@dataclass(frozen=True)
class Scripts:
    """In which scripts the kept rows are written: no guess at languages, of which several share a script."""

    rows: int
    """So many rows were looked at: the first 256, and one of 128 behind them; of each 2000 characters."""
    shares: tuple[ScriptShare, ...]


@dataclass(frozen=True)
class RepeatCount:
    """Kept rows whose texts are exactly those of an earlier one."""

    repeated: int
    compared: int
    """Of so many rows: all, unless `one_in` is more than 1, when `repeated / compared` is an estimate."""
    one_in: int


class Contents:
    """The counters of a file, or of a part of it: of a later one the first rows' scripts are looked at no more often.

    Texts are measured in characters, and in tokens where somebody can count them.
    """

    def __init__(self, count_tokens: CountTokens | None = None, *, begins_file: bool = True) -> None:
        self._count_tokens = count_tokens
        self._characters, self._tokens, self._turns = Histogram(), Histogram(), Histogram()
        self._repeats = Repeats()
        self._patterns: dict[tuple[str | None, ...], int] = {}
        self._roles: Counter[str] = Counter()
        self._letters: Counter[str] = Counter()
        self._kept, self._rows_of_scripts = 0 if begins_file else _ROWS_OF_SCRIPTS, 0

    def see(self, result: RowResult) -> None:
        """Any row; most are of few sequences of roles."""
        if result.roles:
            self._patterns[result.roles] = self._patterns.get(result.roles, 0) + 1
            if len(self._patterns) > _PATTERNS_KEPT:
                self._count_roles()

    def keep(self, result: RowResult) -> None:
        """A row that is trained on."""
        texts = result.texts
        self._characters.add(sum(map(len, texts)))
        self._turns.add(result.turns)
        self._repeats.add(texts)
        if self._count_tokens is not None:
            self._tokens.add(sum(map(self._count_tokens, filter(None, texts))))
        if self._kept < _ROWS_OF_SCRIPTS or self._kept % _ONE_ROW_OF_SCRIPTS_IN == 0:
            self._rows_of_scripts += 1
            self._letters.update(count_scripts(["".join(texts)]))
        self._kept += 1

    def keep_all(self, good: GoodRows) -> None:
        """As `see` and `keep` for each of these rows, but for tokens, which nobody can count for all at once."""
        self._characters.add_all(map(len, map("".join, good.texts)))
        self._turns.add_all(good.turns)
        self._repeats.add_all(good.texts)
        for roles, rows in Counter(good.roles).items():
            self._patterns[roles] = self._patterns.get(roles, 0) + rows
        if len(self._patterns) > _PATTERNS_KEPT:
            self._count_roles()
        looked_at = _rows_of_scripts(self._kept, self._kept + len(good.texts))
        self._rows_of_scripts += len(looked_at)
        self._letters.update(count_scripts("".join(good.texts[number - self._kept]) for number in looked_at))
        self._kept += len(good.texts)

    def merge(self, others: "Contents") -> None:
        """The rows of another part of the file, whose tokens nobody counted, by a process that hashes alike."""
        self._characters.merge(others._characters)
        self._turns.merge(others._turns)
        self._repeats.merge(others._repeats)
        others._count_roles()
        self._roles.update(others._roles)
        self._letters.update(others._letters)
        self._rows_of_scripts += others._rows_of_scripts

    def characters(self) -> Lengths:
        """Of the kept rows."""
        return _lengths(self._characters)

    def tokens(self) -> Lengths | None:
        """Of the kept rows; None when nobody could count them."""
        return _lengths(self._tokens) if self._count_tokens is not None else None

    def turns(self) -> tuple[Bin, ...]:
        """The kept rows by their number of turns, system messages left out."""
        return self._turns.bins()

    def roles(self) -> tuple[RoleCount, ...]:
        """The most frequent 20 of all rows; none where rows are no chats."""
        self._count_roles()
        return tuple(RoleCount(shown_name(role), times) for role, times in self._roles.most_common(_ROLES_SHOWN))

    def scripts(self) -> Scripts:
        """The most frequent first."""
        letters = self._letters.total() or 1
        shares = (ScriptShare(script, round(times / letters, 4)) for script, times in self._letters.most_common())
        return Scripts(self._rows_of_scripts, tuple(shares))

    def repeats(self) -> RepeatCount:
        """Of the kept rows."""
        return RepeatCount(self._repeats.repeated(), self._repeats.rows(), self._repeats.one_in)

    def _count_roles(self) -> None:
        for roles, rows in self._patterns.items():
            for role in roles:
                if role is not None:
                    self._roles[role] += rows
        self._patterns.clear()
        if len(self._roles) > _PATTERNS_KEPT:
            self._roles = Counter(dict(self._roles.most_common(_ROLES_SHOWN)))


def _rows_of_scripts(start: int, end: int) -> list[int]:
    """The numbers, counted from 0, of those of these rows whose scripts are looked at."""
    next_one = -(-max(start, _ROWS_OF_SCRIPTS) // _ONE_ROW_OF_SCRIPTS_IN) * _ONE_ROW_OF_SCRIPTS_IN
    return [*range(start, min(end, _ROWS_OF_SCRIPTS)), *range(next_one, end, _ONE_ROW_OF_SCRIPTS_IN)]


def _lengths(histogram: Histogram) -> Lengths:
    return Lengths(histogram.total, histogram.longest, histogram.bins())
