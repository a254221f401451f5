"""Watching one job: a live picture on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from packtrain.cli.screen import console, note, now, say
from packtrain.cli.text.job_text import ending, how_to_retry, measures, status_line, steps, time_left
from packtrain.cli.text.units import duration
from packtrain.client import Packtrain
from packtrain.sanitize import inert_line
from packtrain.schema import Job
from packtrain.transport.long_poll import ENDED, Clock, Outage, follow

if TYPE_CHECKING:
    from rich.console import Console, Group

EXIT_CODES = {"succeeded": 0, "failed": 1, "cancelled": 3}
INTERRUPTED = 130
_LINE_EVERY_SECONDS = 5.0


class View(Protocol):
    """Display of a job while it is watched."""

    def show(self, job: Job) -> None:
        """A job that has changed."""
        ...

    def outage(self, outage: Outage) -> None:
        """The server does not answer."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


def watch(api: Packtrain, job_id: str, view: View, clock: Clock | None = None) -> int:
    """Show a job until it has ended, and what came of it; the exit code for the shell."""
    try:
        try:
            for update in follow(api, job_id, clock=clock):
                if isinstance(update, Outage):
                    view.outage(update)
                else:
                    job = update
                    view.show(job)
        finally:
            view.close()
    except KeyboardInterrupt:
        note(f"\nNo longer watching; the job goes on.\n  come back    packtrain watch {job_id}")
        note(f"  end it       packtrain cancel {job_id}")
        return INTERRUPTED
    for line in [*ending(job), *_next_steps(job)]:
        say(line)
    return EXIT_CODES[job["status"]]


def view_for(*, terminal: bool) -> View:
    """The picture that fits where stdout goes."""
    return LiveView(console()) if terminal else LineView(say, time.monotonic)


class LineView:
    """Plain lines: every change of status at once, steps at most every few seconds."""

    def __init__(self, write: Callable[[str], None], read_clock: Callable[[], float]) -> None:
        self._write = write
        self._read_clock = read_clock
        self._head = ""
        self._steps_at = float("-inf")
        self._away = False

    def show(self, job: Job) -> None:
        """A line for a new status, and one for new steps."""
        progress, moment = job["progress"], now()
        if self._away:
            self._write("the server answers again")
            self._away = False
        head = status_line(job, moment)
        if head != self._head and job["status"] not in ENDED:  # its end is told in full by whoever watches
            self._write(head)
            self._head = head
        done, is_last = steps(progress), progress["current_steps"] == progress["total_steps"]
        if done is not None and (is_last or self._read_clock() - self._steps_at >= _LINE_EVERY_SECONDS):
            self._write("  ".join(part for part in (done, measures(progress), time_left(progress, moment)) if part))
            self._steps_at = self._read_clock()

    def outage(self, outage: Outage) -> None:
        """One line at its beginning."""
        if not self._away:
            self._write(f"{outage.error}; the job is not touched by this, still asking")
        self._away = True

    def close(self) -> None:
        """Nothing is open."""


class LiveView:
    """Three lines that are drawn over: status, bar, numbers."""

    def __init__(self, screen: "Console") -> None:
        from rich.live import Live

        self._live = Live(console=screen, refresh_per_second=4)
        self._live.start()
        self._shown: Job | None = None

    def show(self, job: Job) -> None:
        """Draw anew."""
        self._shown = job
        self._live.update(_picture(job, now()), refresh=True)

    def outage(self, outage: Outage) -> None:
        """Draw the job as it was last seen, and for how long the server has not answered."""
        since = f" for {duration(outage.seconds)}" if outage.seconds >= 1 else ""
        words = f"no answer from the server{since}, still asking; the job is not touched by this"
        if self._shown is not None:
            self._live.update(_picture(self._shown, now(), words), refresh=True)

    def close(self) -> None:
        """Leave the last picture standing."""
        self._live.stop()


def _picture(job: Job, moment: datetime, notice: str = "") -> "Group":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    progress = job["progress"]
    row = Table.grid(padding=(0, 2))
    waits = progress["current_steps"] is None
    if progress["status"] not in EXIT_CODES or not waits:
        bar = ProgressBar(total=progress["total_steps"] or 1, completed=progress["current_steps"] or 0, width=40)
        bar.pulse = waits and progress["status"] == "running"
        row.add_row(bar, Text(steps(progress) or ("loading model and data" if bar.pulse else "not started")))
    lines = (inert_line(measures(progress)), inert_line(time_left(progress, moment) or ""), notice)
    has_ended = job["status"] in ENDED  # then what came of it is told below the picture
    return Group(
        Text(f"{job['id']}  {inert_line(job['name'])}", style="bold", no_wrap=True, overflow="ellipsis"),
        *([] if has_ended else [Text(inert_line(status_line(job, moment)))]),
        row,
        *(Text(line) for line in lines if line),
    )


def _next_steps(job: Job) -> list[str]:
    if job["status"] == "succeeded":
        return [f"  its files    packtrain download {job['id']}", f"  its log      packtrain logs {job['id']}"]
    if job["status"] == "failed":
        return [f"  its log      packtrain logs {job['id']} --stderr", how_to_retry(job)]
    return [how_to_retry(job)]
