"""New bytes of logs become points, positions and progress; all of it in the caller's one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, update
from sqlalchemy.orm import Session

from tuning.jobs.live import LiveAttempt, Position
from tuning.jobs.models import Attempt
from tuning.jobs.tails import Point, append_log, save_points, save_position
from tuning.llamafactory.eta import EtaState, advance, estimate, from_json, to_json
from tuning.llamafactory.trainer_log import LogPoint, parse_log
from worker.stall import quiet_until
from worker.tail import TailRead, moved


def take_in(
    session: Session,
    attempt: LiveAttempt,
    reads: Iterable[TailRead],
    contents: Mapping[str, bytes],
    now: datetime,
) -> dict[str, Any] | None:
    """Keep what was read; the job's new progress columns (with its `id`) when the training log said something."""
    changes = None
    for read in reads:
        content = contents.get(read.request.path)
        if content is None:
            continue  # it vanished between the look and the read
        old = attempt.positions.get(read.stream)
        if read.stream == "trainer_log":
            changes = _take_log(session, attempt, read, content, old, now)
        else:
            append_log(session, attempt.job_id, attempt.number, read.stream, read.request.offset, content)
            _save(session, read, moved(read, len(content), 0, old))
    return changes


def _take_log(
    session: Session,
    attempt: LiveAttempt,
    read: TailRead,
    content: bytes,
    old: Position | None,
    now: datetime,
) -> dict[str, Any] | None:
    parsed = parse_log(content)
    _save(session, read, moved(read, parsed.consumed_bytes, parsed.bad_lines, old))
    if not parsed.points:
        return None
    save_points(
        session, attempt.job_id, attempt.number, [_point(point) for point in parsed.points if point.values], now
    )
    state = from_json(dict(attempt.eta_state) if attempt.eta_state else None)
    state = advance(state, parsed.points, now.timestamp(), state.plan)
    _remember(session, attempt, state, parsed.points, now)
    return {"id": attempt.job_id, **_columns(attempt, asdict(estimate(state, now.timestamp())), now)}


def _columns(attempt: LiveAttempt, progress: dict[str, Any], now: datetime) -> dict[str, Any]:
    eta = progress["eta_seconds"]
    return {
        **_never_back(attempt, progress),
        "expected_end_at": now + timedelta(seconds=eta) if eta is not None else None,
        "stalled_since": None,
        "progress_at": now,
        "observed_at": now,
    }


def _never_back(attempt: LiveAttempt, progress: dict[str, Any]) -> dict[str, Any]:
    """Steps that are done again after a resume are no news. The ETA is the true one, which counts them."""
    step, total = progress["current_steps"], progress["total_steps"]
    if attempt.shown_step is None or attempt.shown_total != total or step >= attempt.shown_step:
        return progress
    percentage = round(100 * attempt.shown_step / max(total, 1), 2)
    return {**progress, "current_steps": attempt.shown_step, "percentage": percentage}


def _remember(
    session: Session, attempt: LiveAttempt, state: EtaState, points: tuple[LogPoint, ...], now: datetime
) -> None:
    first = {"first_step": points[0].current_steps} if attempt.last_step is None else {}
    learned = {"eta_state": to_json(state), "last_step": points[-1].current_steps, **first}
    values = {"quiet_until": quiet_until(state, now), **learned}
    own = {"of": attempt.job_id, "at_number": attempt.number}
    session.connection().execute(_remembering(tuple(values)), {**own, **values})


@cache
def _remembering(names: tuple[str, ...]) -> Update:
    own = (Attempt.job_id == bindparam("of"), Attempt.number == bindparam("at_number"))
    return update(Attempt).where(*own).values({name: bindparam(name) for name in names})


def _point(point: LogPoint) -> Point:
    return Point(point.current_steps, point.kind, point.epoch, point.values)


def _save(session: Session, read: TailRead, position: Position) -> None:
    save_position(session, read.job_id, read.number, read.stream, position)
