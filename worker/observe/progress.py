"""New bytes of logs become points, positions and progress; all of it in the caller's one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, func, update
from sqlalchemy.orm import Session

from tuning.jobs.layout import TRAINER_LOG_FILE
from tuning.jobs.models import Attempt
from tuning.jobs.output.growth import Point, Position, append_log, save_points, save_positions
from tuning.jobs.queries.driver import LiveAttempt, eta_states
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.checkpoints import with_checkpoint
from tuning.llamafactory.progress.console_bar import bars_in
from tuning.llamafactory.progress.eta import estimate
from tuning.llamafactory.progress.eta_state import EtaState, from_json, to_json
from tuning.llamafactory.progress.learning import advance, follow_bar
from tuning.llamafactory.progress.silence import FIRST_LINE_SECONDS, estimate_stands_seconds
from tuning.llamafactory.progress.trainer_log import LogPoint, ParsedLog, parse_log
from tuning.moments import later
from tuning.slurm.answers import FileStat
from worker.expected_checkpoints import ExpectedCheckpoints
from worker.observe.set_aside import note_set_aside
from worker.observe.stall import quiet_until
from worker.observe.tail import LOG_LIMIT_BYTES, TailRead, moved

_LONGEST_UNSEEN_SECONDS = 120.0
"""A log that is dated longer ago and read only now has a date that is not to be trusted, or a worker was away."""


@dataclass(frozen=True)
class _Piece:
    """Text read of one stream."""

    attempt: LiveAttempt
    read: TailRead
    content: bytes

    @property
    def old(self) -> Position | None:
        return self.attempt.positions.get(self.read.stream)


@dataclass(frozen=True)
class _Advance:
    """Progress of an attempt by its training log's new lines, or by the console's bar where there are none."""

    attempt: LiveAttempt
    points: tuple[LogPoint, ...]
    state: EtaState


def take_in(
    session: Session,
    read: Iterable[tuple[LiveAttempt, Sequence[TailRead]]],
    contents: Mapping[str, bytes],
    now: datetime,
    clock_ahead_seconds: float,
    expected: ExpectedCheckpoints,
) -> list[dict[str, Any]]:
    """Keep what was read of these attempts, in a handful of statements however many they are.

    `clock_ahead_seconds`: of the cluster's clock, by which files are dated, before ours.

    Returns the new progress columns (with the `id`) of each job whose training log said something.
    """
    pieces = [
        _Piece(attempt, part, contents[part.request.path])
        for attempt, parts in read
        for part in parts
        if part.request.path in contents  # else it vanished between the look and the read
    ]
    logs = [(piece, parse_log(piece.content)) for piece in pieces if piece.read.stream == "trainer_log"]
    positions = {piece.read: moved(piece.read, log.consumed_bytes, log.bad_lines, piece.old) for piece, log in logs}
    for piece in pieces:
        if piece.read not in positions:
            positions[piece.read] = _append(session, piece)
    save_positions(session, {(read.job_id, read.number, read.stream): at for read, at in positions.items()})
    for piece, log in logs:
        _note_bad_lines(session, piece, log, now)
    said = [(piece, log.points) for piece, log in logs if log.points]
    _hear(session, [piece.attempt for piece, log in logs if log.bad_lines and not log.points], now)
    heard = {piece.read.job_id for piece, _ in said}
    drawn = [piece for piece in pieces if piece.read.job_id not in heard and _may_move(piece, now)]
    paces = eta_states(session, [piece.attempt for piece in (*(piece for piece, _ in said), *drawn)])
    advances = [
        _advance(piece.attempt, points, paces, _written_at(piece, clock_ahead_seconds, now)) for piece, points in said
    ]
    return _go_on(session, [*advances, *_moved(drawn, paces, now)], now, expected)


def _written_at(piece: _Piece, clock_ahead_seconds: float, now: datetime) -> float:
    """The time on our clock of the newest line that was read: as the file is dated, or else the time of this look."""
    stat, request = piece.read.stat, piece.read.request
    age = now.timestamp() + clock_ahead_seconds - stat.modified_at
    is_newest = request.offset + request.length == stat.size_bytes
    return now.timestamp() - (age if is_newest and 0 <= age <= _LONGEST_UNSEEN_SECONDS else 0.0)


def _may_move(piece: _Piece, now: datetime) -> bool:
    """A bar moves all the time: it is looked at as often as an estimate is made anew."""
    is_due = piece.attempt.shown_eta is None or is_outdated(piece.attempt, now)
    return piece.read.stream == "stderr" and piece.attempt.status is JobStatus.RUNNING and is_due


def _moved(
    pieces: Sequence[_Piece], paces: Mapping[tuple[str, int], Mapping[str, Any]], now: datetime
) -> Iterator[_Advance]:
    """The attempts of which the console's bar shows more than their log does."""
    for piece in pieces:
        known = paces.get((piece.attempt.job_id, piece.attempt.number))
        if known is None:
            continue  # it has no schedule: a check of data
        state = from_json(dict(known))
        moved_on = follow_bar(state, bars_in(piece.content), now.timestamp())
        if moved_on.bar != state.bar:
            yield _Advance(piece.attempt, (), moved_on)


def _hear(session: Session, attempts: Sequence[LiveAttempt], now: datetime) -> None:
    """A run that writes what nobody understands is not silent: it is waited for as for its first line."""
    for attempt in attempts:
        if attempt.quiet_until is not None:
            row = session.get_one(Attempt, (attempt.job_id, attempt.number))
            row.quiet_until = max(row.quiet_until or now, now + timedelta(seconds=FIRST_LINE_SECONDS))


def take_checkpoints(
    session: Session,
    found: Iterable[tuple[LiveAttempt, FileStat]],
    now: datetime,
    clock_ahead_seconds: float,
    expected: ExpectedCheckpoints,
) -> list[dict[str, Any]]:
    """Progress columns, as of `take_in`, of the attempts whose next checkpoint is there and tells something new."""
    there = list(found)
    advances = []
    for (attempt, state), (_, stat) in zip(_states(session, [attempt for attempt, _ in there]), there, strict=True):
        written_at = min(stat.modified_at - clock_ahead_seconds, now.timestamp())
        moved_on = with_checkpoint(state, expected.step_of(attempt) or 0, written_at)
        if moved_on.bar != state.bar:
            advances.append(_Advance(attempt, (), moved_on))
        else:
            expected.expect_no_news(attempt)  # of an earlier process: not to be looked at in each cycle
    return _go_on(session, advances, now, expected)


def restate(
    session: Session, attempts: Sequence[LiveAttempt], now: datetime, expected: ExpectedCheckpoints
) -> list[dict[str, Any]]:
    """The estimates of running attempts that log nothing, as they are by now: columns of the jobs, with the `id`."""
    stated = _states(session, attempts)
    for attempt, state in stated:
        expected.expect(attempt, state)
    return [_restated(attempt, state, now) for attempt, state in stated if state.last or state.bar]


def _states(session: Session, attempts: Sequence[LiveAttempt]) -> list[tuple[LiveAttempt, EtaState]]:
    states = eta_states(session, attempts)
    return [(attempt, from_json(dict(states.get((attempt.job_id, attempt.number)) or {}))) for attempt in attempts]


def is_outdated(attempt: LiveAttempt, now: datetime) -> bool:
    """True when the estimate that is shown was made too long ago, by a clock that may have been set back since."""
    if attempt.shown_eta is None or attempt.shown_end is None:
        return False
    age_seconds = (now - attempt.shown_end).total_seconds() + attempt.shown_eta
    return abs(age_seconds) >= estimate_stands_seconds(attempt.shown_eta)


def _restated(attempt: LiveAttempt, state: EtaState, now: datetime) -> dict[str, Any]:
    progress = _never_back(attempt, dict(vars(estimate(state, now.timestamp()))))
    columns = {
        name: progress[name] for name in ("elapsed_seconds", "eta_seconds", "eta_low_seconds", "eta_high_seconds")
    }
    expected_end_at = later(now, progress["eta_seconds"])
    return {"id": attempt.job_id, **columns, "expected_end_at": expected_end_at, "observed_at": now}


def _note_bad_lines(session: Session, piece: _Piece, log: ParsedLog, now: datetime) -> None:
    if log.bad_lines:
        why = f"{log.bad_lines} or more lines are none that LLaMA-Factory writes"
    elif piece.read.stat.size_bytes > LOG_LIMIT_BYTES:
        why = f"no more than {LOG_LIMIT_BYTES} bytes of it are read"
    else:
        return
    note_set_aside(session, piece.read.job_id, piece.read.number, TRAINER_LOG_FILE, why, now)


def _append(session: Session, piece: _Piece) -> Position:
    read = piece.read
    append_log(session, read.job_id, read.number, read.stream, read.request.offset, piece.content)
    return moved(read, len(piece.content), 0, piece.old)


def _advance(
    attempt: LiveAttempt,
    points: tuple[LogPoint, ...],
    paces: Mapping[tuple[str, int], Mapping[str, Any]],
    written_at_seconds: float,
) -> _Advance:
    known = paces.get((attempt.job_id, attempt.number))
    state = from_json(dict(known) if known else None)
    return _Advance(attempt, points, advance(state, points, written_at_seconds, state.plan))


def _go_on(
    session: Session, advances: Sequence[_Advance], now: datetime, expected: ExpectedCheckpoints
) -> list[dict[str, Any]]:
    for advanced in advances:
        expected.expect(advanced.attempt, advanced.state)
    points = {
        (advanced.attempt.job_id, advanced.attempt.number): [_point(point) for point in advanced.points if point.values]
        for advanced in advances
    }
    save_points(session, points, now)
    if advances:
        session.connection().execute(_remembering(), [_remembered(advanced, now) for advanced in advances])
    return [_changes(advanced, now) for advanced in advances]


def _changes(advanced: _Advance, now: datetime) -> dict[str, Any]:
    progress = dict(vars(estimate(advanced.state, now.timestamp())))
    return {"id": advanced.attempt.job_id, **_columns(advanced.attempt, progress, now)}


def _columns(attempt: LiveAttempt, progress: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        **_never_back(attempt, progress),
        "expected_end_at": later(now, progress["eta_seconds"]),
        "stalled_since": None,
        "progress_at": now,
        "observed_at": now,
    }


def _never_back(attempt: LiveAttempt, progress: dict[str, Any]) -> dict[str, Any]:
    """Steps that are done again after a resume are no news, nor is time. The ETA is the true one, which counts them."""
    elapsed = progress["elapsed_seconds"]
    if attempt.shown_elapsed is not None and elapsed is not None:
        progress = {**progress, "elapsed_seconds": max(elapsed, attempt.shown_elapsed)}
    step, total = progress["current_steps"], progress["total_steps"]
    if attempt.shown_step is None or attempt.shown_total != total or step >= attempt.shown_step:
        return progress
    percentage = round(100 * attempt.shown_step / max(total, 1), 2)
    return {**progress, "current_steps": attempt.shown_step, "percentage": percentage}


def _remembered(advanced: _Advance, now: datetime) -> dict[str, Any]:
    return {
        "of": advanced.attempt.job_id,
        "at_number": advanced.attempt.number,
        "begun_at_step": advanced.points[0].current_steps if advanced.points else None,
        "last_step": advanced.points[-1].current_steps if advanced.points else advanced.attempt.last_step,
        "eta_state": to_json(advanced.state),
        "quiet_until": quiet_until(advanced.state, now),
    }


@cache
def _remembering() -> Update:
    own = (Attempt.job_id == bindparam("of"), Attempt.number == bindparam("at_number"))
    given: dict[str, Any] = {name: bindparam(name) for name in ("last_step", "eta_state", "quiet_until")}
    first_step = func.coalesce(Attempt.first_step, bindparam("begun_at_step"))
    return update(Attempt).where(*own).values(first_step=first_step, **given)


def _point(point: LogPoint) -> Point:
    return Point(point.current_steps, point.kind, point.epoch, point.values)
