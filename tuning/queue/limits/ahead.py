"""Limits as time passes: waiting jobs are let in when others end, or when hours that were used cease to count. Pure.

Whoever is let in keeps a part of each limit until its end, in the order of the queue; one that does not fit waits at
the first limit that it would exceed, and is asked again when something of that comes free.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from tuning.queue.limits.limit import (
    NO_USE,
    Account,
    LimitedJob,
    LimitKind,
    Limits,
    Place,
    Uses,
    demand,
    is_exceeded,
)

_MOST_ASKED = 20
"""So many of those that wait at a limit are asked when something of it comes free."""


_BY_ITSELF = frozenset({LimitKind.TIME_LIMIT, LimitKind.RESULT_BYTES})
"""No end of other jobs lets a job start at these."""
_Shape = tuple[Place, int, float]


class Part(NamedTuple):
    """A part of a limit that a job keeps."""

    account: Account
    amount: float
    counts_on: bool = False
    """Whether the used part counts for 30 days more; the rest comes free at the end."""


@dataclass(frozen=True, slots=True)
class LimitsAhead:
    """Limits, and their use now."""

    limits: Limits = field(default_factory=Limits)
    uses: Uses = field(default_factory=dict)
    behind: Mapping[str, Account] = field(default_factory=dict)
    """Jobs that would delay one with a reservation, by id, with its limit."""

    def live_parts(self) -> Mapping[str, Sequence[Part]]:
        """The parts that live jobs keep, by job id."""
        kinds = {limit.id: limit.kind for limit in self.limits.all}
        found: dict[str, list[Part]] = {}
        for account, use in self.uses.items():
            counts_on = kinds[account[0]] is LimitKind.GPU_HOURS
            for holder in use.held_by:
                found.setdefault(holder.job_id, []).append(Part(account, holder.amount, counts_on))
        return found

    def live_elsewhere(self, played: Iterable[str]) -> Iterator[LimitedJob]:
        """The live jobs that are not among those that are played."""
        known = set(played)
        for use in self.uses.values():
            for holder in use.held_by:
                if holder.job_id not in known:
                    known.add(holder.job_id)
                    yield holder.job


class LettingIn:
    """Jobs in the order of the queue, by their index: which are let in, and at which limits the others wait."""

    def __init__(self, ahead: LimitsAhead, jobs: Iterable[LimitedJob | None]) -> None:
        """Jobs that are None are let in already."""
        self._ahead = ahead
        self._most: dict[Account, float] = {}
        self._amounts: dict[Account, float] = defaultdict(
            float, {account: use.amount for account, use in ahead.uses.items()}
        )
        self._waiting: dict[Account, list[tuple[int, float]]] = {}
        """By limit the index of each, and the amount that it needs."""
        known: dict[_Shape, Sequence[Part] | None] = {}
        self._parts = [self._parts_of(job, known) for job in jobs]

    def copy(self) -> Self:
        """The same state, to be played on by itself."""
        other = copy(self)
        other._amounts = self._amounts.copy()
        other._waiting = {account: list(waiting) for account, waiting in self._waiting.items()}
        return other

    def parts(self, index: int) -> Sequence[Part] | None:
        """The parts of limits that a job needs; None where no end of others lets it start."""
        return self._parts[index]

    def keep_waiting(self, index: int, account: Account) -> None:
        """A job waits at a limit until something of that comes free, even if it fits."""
        for part in self._parts[index] or ():
            if part.account == account:
                self._wait(index, part)

    def lets_in(self, index: int) -> bool:
        """Whether a job fits now: it keeps its parts then. Else it waits at a limit."""
        parts, amounts, most = self._parts[index], self._amounts, self._most
        if parts is None:
            return False
        for part in parts:
            if amounts[part[0]] + part[1] > most[part[0]]:
                self._wait(index, part)
                return False
        for part in parts:
            amounts[part[0]] += part[1]
        return True

    def free(self, parts: Iterable[Part]) -> None:
        """Parts that nobody keeps any more."""
        for account, amount, _ in parts:
            self._amounts[account] -= amount

    def ask_again(self, accounts: Iterable[Account]) -> Iterator[int]:
        """Jobs that waited at these limits and fit now, in the order of each."""
        for account in accounts:
            if waiting := self._waiting.get(account):
                yield from self._ask(account, waiting)

    def waited_at(self) -> frozenset[Account]:
        """The limits at which some wait."""
        return frozenset(account for account, waiting in self._waiting.items() if waiting)

    def most(self, account: Account) -> float:
        """The amount of a limit."""
        return self._most[account]

    def _ask(self, account: Account, waiting: list[tuple[int, float]]) -> Iterator[int]:
        too_large = []
        for _ in range(min(len(waiting), _MOST_ASKED)):
            room = self._most[account] - self._amounts[account]
            if room <= 0:
                break
            index, needs = heapq.heappop(waiting)
            if needs > room:
                too_large.append((index, needs))
            elif self.lets_in(index):
                yield index
        for each in too_large:
            heapq.heappush(waiting, each)

    def _wait(self, index: int, part: Part) -> None:
        heapq.heappush(self._waiting.setdefault(part.account, []), (index, part.amount))

    def _parts_of(self, job: LimitedJob | None, known: dict[_Shape, Sequence[Part] | None]) -> Sequence[Part] | None:
        if job is None:
            return ()
        shape = (job.place, job.gpus, job.limit_seconds)
        if shape not in known:
            known[shape] = self._needed(job)
        return known[shape]

    def _needed(self, job: LimitedJob) -> Sequence[Part] | None:
        found = []
        for bound in self._ahead.limits.of(job.place):
            kind, account, most = bound.limit.kind, bound.account, bound.limit.amount
            if kind in _BY_ITSELF:
                if is_exceeded(bound, self._ahead.uses.get(account, NO_USE).amount, job):
                    return None
            elif amount := demand(kind, job):
                if amount > most:
                    return None
                self._most[account] = most
                found.append(Part(account, amount, kind is LimitKind.GPU_HOURS))
        return tuple(found)


class BeforeAtLimits:
    """Time for which those limits are used at which some wait, before a job far behind: amounts by seconds."""

    def __init__(self, letting_in: LettingIn) -> None:
        self._most = letting_in.most
        self._amount_seconds = dict.fromkeys(letting_in.waited_at(), 0.0)
        self.is_needed = bool(self._amount_seconds)

    def add(self, seconds: float, parts: Iterable[Part]) -> None:
        """A run with these parts comes before the next job."""
        for account, amount, _ in parts:
            if account in self._amount_seconds:
                self._amount_seconds[account] += amount * seconds

    def wait_seconds(self, parts: Iterable[Part]) -> float:
        """The wait of a job that needs these parts; infinite at a limit of hours: how many come free is not known."""
        wait = 0.0
        for account, _, counts_on in parts:
            if account in self._amount_seconds:
                wait = math.inf if counts_on else max(wait, self._amount_seconds[account] / self._most(account))
        return wait
