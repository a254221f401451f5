"""Reader of the Standard Workload Format (version 2.2): 18 numbers a line, `;` comments, -1 for what is unknown.

Whatever a line says is checked and bounded: the first that cannot be read ends it, by its number.
"""

import math
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from tuning.errors import Finding, InvalidInput
from tuning.queue.simulation.trace import Trace, TraceJob, made_up_limit
from tuning.queue.waiting_job import Person

MOST_JOBS = 1_000_000
DEFAULT_SEED = 1993
_LONGEST_LINE = 10_000
_FIELDS = 18
_MOST_GPUS = 10_000_000
_LATEST_SECONDS = 100 * 366 * 86400.0
_ONE_TEAM = "lab"
_PARTIAL_STATUSES = (2, 3, 4)
"""Parts of a job that was put off and went on; the job has a line of its own."""
_MACHINE = re.compile(r";\s*MaxProcs:\s*(\d{1,9})\s*$")


@dataclass(frozen=True, slots=True)
class _Record:
    """The fields of a line that matter here."""

    submitted_at: float
    run_seconds: float
    processors: int
    asked_seconds: float
    status: int
    user: int
    group: int


def read_swf(
    lines: Iterable[str], gpus: int | None = None, *, groups_are_teams: bool = False, seed: int = DEFAULT_SEED
) -> Trace:
    """The workload, for so many GPUs (the header's MaxProcs, or what the largest job needs). Raises InvalidInput.

    All are one team, unless the groups are: those of many workloads only tell users from staff. Limits that nobody
    recorded are drawn by the seed.
    """
    records: list[_Record] = []
    machine = gpus
    for number, line in enumerate(lines, start=1):
        if found := _MACHINE.match(line):
            machine = machine or int(found[1])
        elif line.strip() and not line.lstrip().startswith(";"):
            records.append(_record(line, number))
            _check_count(len(records), number)
    ran = [record for record in records if _has_run(record)]
    machine = machine or max((record.processors for record in ran), default=0)
    fitting = sorted((record for record in ran if record.processors <= machine), key=attrgetter("submitted_at"))
    _check_span(fitting, machine)
    jobs = list(_jobs(fitting, groups_are_teams, random.Random(seed)))  # noqa: S311 - the same limits each time
    made_up = sum(record.asked_seconds <= 0 for record in fitting)
    return Trace(jobs, machine, len(records) - len(fitting), made_up)


def _jobs(records: list[_Record], groups_are_teams: bool, draw: random.Random) -> Iterator[TraceJob]:
    began_at = records[0].submitted_at
    for record in records:
        run_seconds = max(record.run_seconds, 1.0)
        asked = record.asked_seconds if record.asked_seconds > 0 else made_up_limit(run_seconds, draw)
        yield TraceJob(
            Person(_named("group", record.group) if groups_are_teams else _ONE_TEAM, _named("user", record.user)),
            record.submitted_at - began_at,
            record.processors,
            run_seconds,
            max(asked, run_seconds),
        )


def _named(kind: str, number: int) -> str:
    return f"{kind} {number}" if number >= 0 else f"{kind} unknown"


def _has_run(record: _Record) -> bool:
    return record.run_seconds >= 0 and record.processors > 0 and record.status not in _PARTIAL_STATUSES


def _record(line: str, number: int) -> _Record:
    """The fields of a line: 2 submit, 4 run, 5 processors (8 asked), 9 asked time, 11 status, 12 user, 13 group."""
    if len(line) > _LONGEST_LINE:
        raise _refused(number, f"{len(line)} characters")
    words = line.split()
    if len(words) != _FIELDS:
        raise _refused(number, f"{len(words)} fields in place of {_FIELDS}")
    submitted, run, asked_seconds = (_seconds(words[index], number) for index in (1, 3, 8))
    processors, asked, status, user, group = (_whole(words[index], number) for index in (4, 7, 10, 11, 12))
    return _Record(submitted, run, processors if processors > 0 else asked, asked_seconds, status, user, group)


def _seconds(word: str, number: int) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not -1 <= value <= _LATEST_SECONDS:
        raise _refused(number, f"{word[:30]!r} is no number of seconds")
    return value


def _whole(word: str, number: int) -> int:
    value = _seconds(word, number)
    if value != int(value) or value > _MOST_GPUS:
        raise _refused(number, f"{word[:30]!r} is no whole number up to {_MOST_GPUS}")
    return int(value)


def _check_count(count: int, number: int) -> None:
    if count > MOST_JOBS:
        raise _refused(number, f"more than {MOST_JOBS:,} jobs")


def _check_span(records: list[_Record], gpus: int) -> None:
    if not records or records[0].submitted_at == records[-1].submitted_at:
        message = f"no workload: {len(records)} jobs that ran and fit {gpus} GPUs, submitted at different times"
        raise InvalidInput([Finding((), message, "is it in the Standard Workload Format, and are the GPUs enough?")])


def _refused(number: int, problem: str) -> InvalidInput:
    hint = "a workload in the Standard Workload Format: 18 numbers a line, comments after a semicolon"
    return InvalidInput([Finding((number,), f"line {number}: {problem}", hint)])
