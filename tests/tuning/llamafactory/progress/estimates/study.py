"""How far from the truth each estimate is: packtrain's, the log's own `remaining_time`, and tqdm's.

An error is a share of the true remaining time, which is what a reader waits for: an hour's error at the start of a
day's run is a small one, and the same hour an hour before the end is not. Both others are given our knowledge of how
much time has passed since they were last written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.tuning.llamafactory.progress.estimates.traces import Trace, polls
from tuning.llamafactory.progress.eta import Progress, estimate
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import advance

SHARES = (0.1, 0.25, 0.5, 0.75)
DEVELOPED_ON = range(40)
"""Seeds that the estimator may be looked at with while it is changed."""
REPORTED_ON = range(1000, 1040)
"""Seeds for the page and for the tests alone."""


@dataclass(frozen=True)
class Errors:
    """Of the log's remaining_time and of tqdm, as shares of the true remaining time."""

    remaining_time: float
    tqdm: float


@dataclass(frozen=True)
class Judged:
    """The estimates at one point of a run, held against the truth."""

    kind: str
    share: float
    ours: float
    """As a share of the true remaining time, like those of the others."""
    others: Errors
    others_until_last_step: Errors
    """Held to the end of training only: neither counts what comes after it, and we do."""
    is_inside: bool
    """The true end lies within our bounds."""
    width: float
    """Of our bounds, as a share of the true remaining time."""


@dataclass(frozen=True)
class Summary:
    """Means over several points."""

    ours: float
    others: Errors
    others_until_last_step: Errors
    inside: float
    width: float
    points: int

    @property
    def ratio(self) -> float:
        """Our mean error over that of the better of the other two."""
        return self.ours / min(self.others.remaining_time, self.others.tqdm)

    @property
    def ratio_until_last_step(self) -> float:
        """The same where the others need to foresee the last step only."""
        return self.ours / min(self.others_until_last_step.remaining_time, self.others_until_last_step.tqdm)


def judge(trace: Trace) -> list[Judged]:
    """The estimates at the first polls that saw 10, 25, 50 and 75 % of the steps."""
    found: list[Judged] = []
    state = EtaState()
    wanted = [(share, trace.line_at(share).written_at_seconds) for share in SHARES]
    for now, points in polls(trace, wanted[-1][1] + trace.poll_seconds):
        if points:
            state = advance(state, points, _written_at(trace, now), trace.plan)
        while wanted and wanted[0][1] <= now:
            found.append(_compare(trace, wanted.pop(0)[0], now, estimate(state, now)))
    return found


def _written_at(trace: Trace, now: float) -> float:
    """The date of the log's file, by which the worker knows how old the newest line is."""
    return max(line.written_at_seconds for line in trace.lines if line.written_at_seconds <= now)


def summarize(judged: Iterable[Judged]) -> Summary:
    """Of one point at least."""
    rows = list(judged)
    return Summary(
        ours=_mean([row.ours for row in rows]),
        others=_mean_errors([row.others for row in rows]),
        others_until_last_step=_mean_errors([row.others_until_last_step for row in rows]),
        inside=_mean([row.is_inside for row in rows]),
        width=_mean([row.width for row in rows]),
        points=len(rows),
    )


def _compare(trace: Trace, share: float, now: float, progress: Progress) -> Judged:
    true = trace.ends_at_seconds - now
    eta, low, high = progress.eta_seconds, progress.eta_low_seconds, progress.eta_high_seconds
    if eta is None or low is None or high is None:
        raise ValueError(f"no estimate at {share:.0%} of a run of the kind {trace.kind}")
    return Judged(
        kind=trace.kind,
        share=share,
        ours=abs(eta - true) / true,
        others=_errors(trace, now, true),
        others_until_last_step=_errors(trace, now, trace.lines[-1].written_at_seconds - now),
        is_inside=low <= true <= high,
        width=(high - low) / true,
    )


def _errors(trace: Trace, now: float, true: float) -> Errors:
    line = [line for line in trace.lines if line.written_at_seconds <= now][-1]
    bar = [update for update in trace.bar if update.at_seconds <= now][-1]
    log_left = max(0.0, line.remaining_time_seconds - (now - line.written_at_seconds))
    bar_left = max(0.0, bar.left_seconds - (now - bar.at_seconds))
    return Errors(abs(log_left - true) / true, abs(bar_left - true) / true)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_errors(errors: Sequence[Errors]) -> Errors:
    return Errors(_mean([one.remaining_time for one in errors]), _mean([one.tqdm for one in errors]))
