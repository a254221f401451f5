"""What tqdm's bar says is left of a run, on a clock that is given to it."""

from tests.tuning.llamafactory.progress.estimates.traces import BarUpdate

SMOOTHING = 0.3
"""tqdm's default."""


class TqdmBar:
    """The estimate of tqdm.std (4.70): class EMA over steps and seconds, `tqdm.update` and `tqdm.format_meter`.

    tqdm corrects both averages for their start by the same factor, which cancels out in their quotient. It leaves out
    updates within 0.1 s of the last one (mininterval); a step of the simulated runs takes longer.
    """

    def __init__(self, total: int, started_at_seconds: float) -> None:
        self._total, self._done, self._updated_at = total, 0, started_at_seconds
        self._steps = self._seconds = 0.0
        self.updates: list[BarUpdate] = []

    def update(self, steps: int, now_seconds: float) -> None:
        """So many steps have been done since the last update."""
        self._done += steps
        self._steps = SMOOTHING * steps + (1 - SMOOTHING) * self._steps
        self._seconds = SMOOTHING * (now_seconds - self._updated_at) + (1 - SMOOTHING) * self._seconds
        self._updated_at = now_seconds
        left = (self._total - self._done) * self._seconds / self._steps
        self.updates.append(BarUpdate(now_seconds, left))
