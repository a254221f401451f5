"""Processes that write one log: whether a line is the same process's, that of a resumed one, or of one beside it. Pure.

Two that write at the same time (a job started twice in one folder, ranks that log each for themselves) take turns, and
each of their turns looks like a resume until the first goes on.
"""

from dataclasses import dataclass
from typing import Literal

from tuning.llamafactory.progress.trainer_log import LogPoint

Turn = Literal["goes on", "begins", "beside", "took turns", "epilogue"]

MOST_STRAYS = 8
"""Lines in a row of the process beside, after which the other is taken to be gone."""


@dataclass(frozen=True)
class OtherProcess:
    """Process whose lines are not followed: it ended when another began, or writes beside it."""

    last: LogPoint
    elapsed_before: float
    """Seconds of the processes before it."""
    writes_on: bool = False
    strays: int = 0
    """Lines in a row that were not those of the process which is followed."""


def turn_of(last: LogPoint, other: OtherProcess | None, point: LogPoint) -> Turn:
    """Meaning of the line `point` after the line `last` of the process that is followed."""
    if is_epilogue(last, point):
        return "epilogue"
    follows = _follows(last, point)
    if other is None:
        return "goes on" if follows else "begins"
    if other.writes_on:
        if follows:
            return "goes on"
        return "beside" if other.strays < MOST_STRAYS else "begins"
    if _follows(other.last, point) and not (follows and _is_nearer(last, other.last, point)):
        return "took turns"
    return "goes on" if follows else "begins"


def is_epilogue(last: LogPoint, point: LogPoint) -> bool:
    """A line of what comes after the steps: the final evaluation counts its own, and predictions end at step 0."""
    if point.kind in ("train", "predict"):
        return False
    ended = last.current_steps >= last.total_steps and point.total_steps != last.total_steps
    return (ended and point.elapsed_seconds >= last.elapsed_seconds) or 0 == point.current_steps < last.current_steps


def _follows(last: LogPoint, point: LogPoint) -> bool:
    """A resumed process counts its time from 0 and repeats steps."""
    repeats = point.current_steps == last.current_steps and point.kind in ("train", "predict")
    goes_back = point.current_steps < last.current_steps or point.elapsed_seconds < last.elapsed_seconds
    return not (goes_back or repeats or point.total_steps != last.total_steps)


def _is_nearer(last: LogPoint, other: LogPoint, point: LogPoint) -> bool:
    return point.current_steps - last.current_steps < point.current_steps - other.current_steps
