"""Names of events, and the patterns that choose among them."""

import re
from pathlib import Path

import pytest

from tuning.jobs.status import JobStatus
from tuning.notices.events import KNOWN, check_events, is_chosen

ROOT = Path(__file__).parents[3]


def test_every_status_has_an_event() -> None:
    assert {f"job.{status}" for status in JobStatus} <= set(KNOWN)


def test_every_event_that_is_written_can_be_chosen() -> None:
    modules = [path for top in ("tuning", "worker", "ops") for path in (ROOT / top).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in modules]
    written = {name for text in texts for name in re.findall(r'record_event\([^"]*?"([a-z_.]+)"', text)}
    assert len(written) > 8
    assert written - set(KNOWN) == set()


@pytest.mark.parametrize(
    ("event", "chosen", "expected"),
    [
        ("job.failed", ["job.failed"], True),
        ("job.failed", ["job.*"], True),
        ("checkpoint.saved", ["job.*"], False),
        ("checkpoint.saved", ["checkpoint.*"], True),
        ("job.failed", ["job.fail"], False),
        ("jobless", ["job.*"], False),
        ("warning", ["job.*", "warning"], True),
        ("job.failed", [], False),
    ],
)
def test_an_event_is_chosen_by_its_name_or_its_group(event: str, chosen: list[str], expected: bool) -> None:
    assert is_chosen(event, chosen) is expected


@pytest.mark.parametrize("event", ["job.faild", "job", "*", "job.", "webhook.test", "JOB.FAILED"])
def test_an_unknown_event_is_refused_with_the_list(event: str) -> None:
    (found,) = check_events(["job.failed", event])
    assert found.loc == ("events", 1)
    assert "job.succeeded, job.failed" in (found.hint or "")


def test_a_misspelt_event_has_the_nearest_named() -> None:
    assert "did you mean job.failed?" in (check_events(["job.faild"])[0].hint or "")


def test_no_event_at_all_is_refused() -> None:
    assert check_events([])[0].loc == ("events",)
