"""Expected starts beside true ones: packtrain's with their bounds, and Slurm's own by `squeue --start`. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Told:
    """Start of a job that was told at a moment, in seconds since 1970."""

    job_id: str
    at: float
    expected: float
    low: float
    high: float
    by_slurm: float | None = None
    """Start that Slurm itself expected at that moment; None of a job outside Slurm, or where it told nothing."""


@dataclass(frozen=True)
class Accuracy:
    """Errors of what was told, in seconds, and how often the truth lay within the bounds."""

    count: int
    mean_error_seconds: float
    mean_error_seconds_by_slurm: float | None
    within_bounds: float
    mean_width_seconds: float
    """Of the bounds."""


def accuracy(told: Iterable[Told], started_at: Mapping[str, float]) -> Accuracy:
    """Of what was told of jobs that started later; Slurm's error, where it told a start of all of these."""
    known = [(each, started_at[each.job_id]) for each in told if started_at.get(each.job_id, each.at) > each.at]
    theirs = [abs(each.by_slurm - start) for each, start in known if each.by_slurm is not None]
    return Accuracy(
        count=len(known),
        mean_error_seconds=fmean(abs(each.expected - start) for each, start in known),
        mean_error_seconds_by_slurm=fmean(theirs) if len(theirs) == len(known) else None,
        within_bounds=fmean(each.low - 1 <= start <= each.high + 1 for each, start in known),
        mean_width_seconds=fmean(each.high - each.low for each, _ in known),
    )
