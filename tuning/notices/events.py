"""Names of events, and the patterns by which webhooks choose among them. Pure."""

import difflib
from collections.abc import Iterable, Sequence

from tuning.errors import Finding

KNOWN = (
    "job.created",
    "job.held",
    "job.queued",
    "job.submitting",
    "job.pending",
    "job.running",
    "job.serving",
    "job.succeeded",
    "job.failed",
    "job.cancelled",
    "job.corrected",
    "job.changed",
    "job.cancel_requested",
    "job.hold_requested",
    "job.released",
    "job.stalled",
    "checkpoint.saved",
    "checkpoint.removed",
    "warning",
)
"""Every type of event that jobs have."""
PATTERNS = ("job.*", "checkpoint.*")
ENDS = ("job.succeeded", "job.failed", "job.cancelled")
"""What is told unless others are chosen."""
OPENAI_NAMES = {end: f"fine_tuning.{end}" for end in ENDS}
"""OpenAI's names of the events that it has too."""
TEST = "webhook.test"
DISABLED = "webhook.disabled"


def is_chosen(event: str, chosen: Iterable[str]) -> bool:
    """Whether an event is among these names and patterns."""
    return any(event == word or (word.endswith(".*") and event.startswith(word[:-1])) for word in chosen)


def check_events(events: Sequence[str]) -> list[Finding]:
    """Findings about names that no event has, and about an empty choice."""
    if not events:
        return [Finding(("events",), "no event is chosen", f"the events are: {_listed()}")]
    return [
        _unknown(place, event) for place, event in enumerate(events) if event not in KNOWN and event not in PATTERNS
    ]


def _unknown(place: int, event: str) -> Finding:
    close = difflib.get_close_matches(event[:100], (*KNOWN, *PATTERNS), n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return Finding(("events", place), f"there is no event {event[:100]}", f"{meant}the events are: {_listed()}")


def _listed() -> str:
    return ", ".join((*KNOWN, *PATTERNS))
