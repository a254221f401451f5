"""The queue in rows and sentences."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packtrain.cli.screen import console
from packtrain.cli.text import table
from packtrain.cli.text.queue_text import COLUMNS, expected_words, queue_row, why_lines
from packtrain.cli.text.table import draw
from packtrain.schema import QueueEntry

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TIMES = {
    "expected_start_at": "2026-11-21T14:30:00Z",
    "expected_start_low_at": "2026-11-21T13:50:00Z",
    "expected_start_high_at": "2026-11-21T17:00:00Z",
    "expected_end_at": "2026-11-22T01:00:00Z",
    "expected_end_low_at": None,
    "expected_end_high_at": None,
}


def entry(**changes: Any) -> QueueEntry:
    rank = {
        "class": "normal",
        "team_level_fs": 2.0,
        "user_level_fs": None,
        "fair_place": 3,
        "fair_places": 12,
        "age_seconds": 7500.0,
        "gpus": 4,
    }
    held_by = [{"job_id": "job_a", "expected_end_at": "2026-11-21T14:30:00Z"}]
    waits_for = {"kind": "gpus", "words": "it needs 4 GPUs: 2 of 16 are free, and 4 jobs come first"}
    base = {
        "position": 5,
        "job_id": "job_0123456789abcdefghjk",
        "name": "wmt ja-en lora rank 64 with the long name of a sweep",
        "owner": "alice",
        "team": "mt",
        "class": "normal",
        "cluster": "lab",
        "status": "queued",
        "rank": rank,
        "waits_for": {**waits_for, "limit": None, "in_use": None, "held_by": held_by},
        **TIMES,
    }
    return cast(QueueEntry, {**base, **changes})


def test_a_row_says_place_reason_and_start() -> None:
    assert queue_row(entry(), "job_01", NOW) == (
        "5",
        "alice",
        "mt",
        "normal",
        "wmt ja-en lora rank 64 with the long name of a sweep",
        "4",
        "2 of 16 are free, and 4 jobs come first",
        "14:30",
        "job_01",
    )


def test_a_job_inside_slurm_has_no_place_of_ours() -> None:
    nothing: dict[str, Any] = {"kind": "nothing", "words": "handed over", "limit": None, "in_use": None, "held_by": []}
    row = queue_row(entry(position=None, waits_for=nothing, expected_start_at=None), "job_01", NOW)
    assert (row[0], row[6], row[7]) == ("Slurm", "handed over", "")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out = console()
    out.width = width
    monkeypatch.setattr(table, "console", lambda: out)
    draw(COLUMNS, [queue_row(entry(position=place), "job_01234567", NOW) for place in (1, 12)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    assert all(word in lines[0] for word in ("PLACE", "PERSON", "NAME", "GPUS", "WAITS FOR", "STARTS ABOUT"))


def test_why_tells_wait_rank_and_times() -> None:
    assert list(why_lines(entry(name="run"), NOW)) == [
        "job_0123456789abcdefghjk run: queued, place 5 of the queue",
        "  waits for gpus: it needs 4 GPUs: 2 of 16 are free, and 4 jobs come first",
        "    job_a, until about 14:30",
        "  its class is normal: urgent comes first, then normal, then scavenger",
        "  alice of mt has the fair place 3 of 12",
        "    of late the team had 0.5 times its share, and alice nothing of its share within the team",
        "  it has waited for 2 h 5 min: the longer beside its time limit, the further ahead",
        "  starts about 14:30 (13:50 to 17:00)",
        "  ends about Nov 22 01:00",
    ]


def test_why_tells_of_a_limit() -> None:
    limit = {"kind": "limit", "words": "the team mt may have 8 GPUs", "limit": 8, "in_use": 6, "held_by": []}
    lines = list(why_lines(entry(waits_for=limit), NOW))
    assert "    the limit is 8, in use 6" in lines


def test_where_nothing_tells_it_is_said() -> None:
    lines = list(why_lines(entry(**dict.fromkeys(TIMES)), NOW))
    assert lines[-1] == "  nothing tells when it starts"
    assert expected_words({**dict.fromkeys(TIMES)}, "start", NOW) is None
