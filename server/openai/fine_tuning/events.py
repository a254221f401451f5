"""Events of a job in OpenAI's words: what happened, what the check of its data found, points of its training log. Pure.

Their ids: `ftevent-N` is the event N; `ftevent-N-K` is the finding K that is told with it; `ftevent-A-S-train` is the
line of the training log that the attempt A wrote at the step S.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel

from server.openai.fine_tuning.job import seconds_of
from server.openai.ids import file_id_of
from tuning.errors import NotFound
from tuning.jobs.output.metrics import MetricLine
from tuning.jobs.queries.feed import EventRow

Level = Literal["info", "warn", "error"]
MOST_FINDINGS = 50
"""Told with the first event of a job."""
_NUMBER = "[0-9]{1,18}"
_EVENT = re.compile(rf"ftevent-({_NUMBER})(?:-({_NUMBER}))?")
_POINT = re.compile(rf"ftevent-({_NUMBER})-({_NUMBER})-([a-z]{{1,8}})")
_TITLES = {
    "job.created": "Created fine-tuning job",
    "job.held": "The job is paused",
    "job.queued": "The job is queued",
    "job.submitting": "The job is submitted",
    "job.pending": "The job waits in the cluster's queue",
    "job.running": "Fine-tuning job started",
    "job.succeeded": "The job has successfully completed",
    "job.failed": "The job failed",
    "job.cancelled": "The job was cancelled",
    "job.hold_requested": "The job is to be paused",
    "job.released": "The job is to go on",
}
_LEVELS: Mapping[str, Level] = {"job.failed": "error", "warning": "warn", "job.corrected": "warn"}
_TREATMENTS = {"job_fails": "the file is refused", "dropped": "dropped", "kept": "trained on"}
_SERIES = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "eval_loss": "valid_loss",
    "eval_accuracy": "valid_mean_token_accuracy",
}
"""Series of the training log, and OpenAI's names of them; the others keep theirs."""


class FineTuningEvent(BaseModel):
    """Event of a fine-tuning job."""

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Level
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any]


@dataclass(frozen=True)
class CheckedData:
    """A data set of a job, with what its check found."""

    dataset_id: str
    use: Literal["training", "validation"]
    report: Mapping[str, Any]
    refused_for: Sequence[str] = ()


@dataclass(frozen=True)
class Cursor:
    """Event that a page ended with: number and finding of an event, or a line of the training log."""

    event_id: int | None = None
    line: tuple[int, int, str] | None = None
    """Attempt, step and kind."""


def read_cursor(text: str) -> Cursor:
    """The event that an id means. Raises NotFound for what is no event's id."""
    if (found := _EVENT.fullmatch(text)) is not None:
        return Cursor(event_id=int(found[1]))
    if (found := _POINT.fullmatch(text)) is not None:
        return Cursor(line=(int(found[1]), int(found[2]), found[3]))
    raise NotFound(f"there is no event {text[:80]!a}")


def told(row: EventRow, data: Sequence[CheckedData]) -> list[FineTuningEvent]:
    """An event, and before it what is told with it, the newest first; `data` are those of the event's job."""
    created, title = seconds_of(row.at), _TITLES.get(row.type)
    is_word = title is None or row.message.startswith(row.type.removeprefix("job."))
    message = row.message if title is None else title if is_word else f"{title}: {row.message}"
    level = _LEVELS.get(row.type, "info")
    base = FineTuningEvent(
        id=f"ftevent-{row.id}", created_at=created, level=level, message=message, type="message", data=dict(row.data)
    )
    if row.type != "job.created":
        return [base]
    findings = islice(_findings(row, data), MOST_FINDINGS)
    further = [
        FineTuningEvent(
            id=f"{base.id}-{number}", created_at=created, level=its, message=words, type="message", data=details
        )
        for number, (its, words, details) in enumerate(findings, 1)
    ]
    return [*reversed(further), base]


def point(line: MetricLine) -> FineTuningEvent:
    """A line of the training log as an event."""
    values = metrics_of(line.values)
    shown = ", ".join(f"{name}={value:.4g}" for name, value in values.items() if value is not None)
    return FineTuningEvent(
        id=f"ftevent-{line.attempt}-{line.step}-{line.kind}",
        created_at=seconds_of(line.at),
        level="info",
        message=f"Step {line.step}: {shown}",
        type="metrics",
        data={"step": line.step, **values},
    )


def metrics_of(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Values of a step under OpenAI's names."""
    return {_SERIES.get(name, name): value for name, value in values.items()}


def newest_first(
    rows: Iterable[EventRow], lines: Iterable[MetricLine], data: Sequence[CheckedData]
) -> list[FineTuningEvent]:
    """Events and points together, each given the newest first: at the same moment events are before points."""
    both = [(row.at, 1, told(row, data)) for row in rows] + [(line.at, 0, [point(line)]) for line in lines]
    both.sort(key=lambda each: each[:2], reverse=True)  # what is equal keeps its order
    return [event for _at, _rank, events in both for event in events]


_Finding = tuple[Level, str, dict[str, Any]]


def _findings(row: EventRow, data: Sequence[CheckedData]) -> Iterator[_Finding]:
    for text in (*row.data.get("notes", ()), *row.data.get("warnings", ())):
        yield ("warn" if text in row.data.get("warnings", ()) else "info"), str(text), {}
    for checked in data:
        file_id = file_id_of(checked.dataset_id)
        yield "info", f"Validating {checked.use} file: {file_id}", {"file": file_id}
        for finding in checked.refused_for:
            yield "error", f"{file_id}: {finding}", {"file": file_id}
        for problem in () if checked.refused_for else checked.report.get("problems", ()):
            yield _problem(file_id, problem)


def _problem(file_id: str, problem: Mapping[str, Any]) -> _Finding:
    lines = [place["line"] for place in problem["places"]]
    named = f" (lines {', '.join(map(str, lines))}{', ...' if len(lines) < problem['rows'] else ''})" if lines else ""
    treatment = _TREATMENTS.get(problem["outcome"], problem["outcome"])
    message = f"{file_id}: {problem['rows']} rows{named}, {treatment}: {problem['message']} ({problem['hint']})"
    details = {"file": file_id, "reason": problem["reason"], "rows": problem["rows"], "lines": lines}
    return "warn", message, details
