"""Remarks of the server on a request that it took: the warnings and notes in a job's first event."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from packtrain.cli.screen import note
from packtrain.cli.text.terminal_words import words
from packtrain.errors import PacktrainError
from packtrain.schema import Event

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_CREATED = "job.created"


def remark_lines(events: Iterable[Event]) -> list[str]:
    """A line for each remark among these events."""
    created = next((event for event in events if event["type"] == _CREATED), None)
    said = created["data"] if created else {}
    kinds = (("warning", said.get("warnings")), ("note", said.get("notes")))
    return [f"{kind}: {words(str(text))}" for kind, texts in kinds if isinstance(texts, list) for text in texts]


def note_remarks(api: "Packtrain", job_id: str) -> None:
    """Tell them on stderr. The job is made: where they cannot be had now, `packtrain show` has them."""
    try:
        first = next(iter(api.events(job_id)), None)
    except PacktrainError:
        return
    for line in remark_lines([first] if first else []):
        note(line)
