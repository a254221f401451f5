"""The queue in words and rows: the place of each job, the reasons for it, and when it starts. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from packtrain.cli.text.table import Column
from packtrain.cli.text.units import clock_time, duration
from packtrain.schema import QueueEntry

COLUMNS = (
    Column("PLACE"),
    Column("PERSON", least_width=6),
    Column("TEAM", left_out=1, least_width=4),
    Column("CLASS", left_out=2),
    Column("NAME", least_width=12, is_name=True),
    Column("GPUS"),
    Column("WAITS FOR", least_width=24),
    Column("STARTS ABOUT", least_width=12),
    Column("JOB", left_out=3),
)


def queue_row(entry: QueueEntry, shown_id: str, moment: datetime) -> tuple[str, ...]:
    """Cells of a waiting job, in the order of COLUMNS."""
    return (
        "Slurm" if entry["position"] is None else str(entry["position"]),
        entry["owner"],
        entry["team"],
        entry["rank"]["class"],
        entry["name"],
        str(entry["rank"]["gpus"]),
        _waits(entry),
        _start(entry, moment),
        shown_id,
    )


def why_lines(entry: QueueEntry, moment: datetime) -> Iterator[str]:
    """Sentences on a job's place: what it waits for, what comes before it and why, and when it starts and ends."""
    place = entry["position"]
    is_here = place is not None
    yield f"{entry['job_id']} {entry['name']}: {entry['status']}" + (f", place {place} of the queue" if is_here else "")
    yield from _wait_lines(entry, moment)
    if entry["status"] != "running":
        yield from _rank_lines(entry)
    yield from _time_lines(entry, moment)


def expected_words(found: Mapping[str, Any], word: str, moment: datetime) -> str | None:
    """`about 14:30 (13:50 to 17:00)`, of its start or its end; None where nothing can tell."""
    at = found[f"expected_{word}_at"]
    if at is None:
        return None
    low, high = (found[f"expected_{word}_{bound}_at"] for bound in ("low", "high"))
    shown = clock_time(at, moment)
    if low is None or high is None or clock_time(low, moment) == clock_time(high, moment):
        return f"about {shown}"
    return f"about {shown} ({clock_time(low, moment)} to {clock_time(high, moment)})"


def _waits(entry: QueueEntry) -> str:
    """The words of its wait; the GPUs that it needs have a column of their own."""
    words = entry["waits_for"]["words"]
    return words.partition(": ")[2] or words if entry["waits_for"]["kind"] == "gpus" else words


def _start(entry: QueueEntry, moment: datetime) -> str:
    at = entry["expected_start_at"]
    return "" if at is None else clock_time(at, moment)


def _wait_lines(entry: QueueEntry, moment: datetime) -> Iterator[str]:
    wait = entry["waits_for"]
    yield f"  waits for {wait['kind']}: {wait['words']}" if wait["kind"] != "nothing" else f"  {wait['words']}"
    if wait["limit"] is not None:
        yield f"    the limit is {wait['limit']:g}, in use {wait['in_use'] or 0:g}"
    for job in wait["held_by"]:
        end = job["expected_end_at"]
        yield f"    {job['job_id']}" + (f", until about {clock_time(end, moment)}" if end else "")


def _rank_lines(entry: QueueEntry) -> Iterator[str]:
    rank = entry["rank"]
    yield f"  its class is {rank['class']}: urgent comes first, then normal, then scavenger"
    yield f"  {entry['owner']} of {entry['team']} has the fair place {rank['fair_place']} of {rank['fair_places']}"
    team, own = _had(rank["team_level_fs"]), _had(rank["user_level_fs"])
    yield f"    of late the team had {team}, and {entry['owner']} {own} within the team"
    yield f"  it has waited for {duration(rank['age_seconds'])}: the longer beside its time limit, the further ahead"


def _had(level_fs: float | None) -> str:
    """Use by share, which is level_fs the other way round."""
    if level_fs is None:
        return "nothing of its share"
    return "some without a share" if level_fs <= 0 else f"{1 / level_fs:.2g} times its share"


def _time_lines(entry: QueueEntry, moment: datetime) -> Iterator[str]:
    start, end = (expected_words({**entry}, word, moment) for word in ("start", "end"))
    if start is None and end is None:
        yield "  nothing tells when it starts"
    if start is not None:
        yield f"  {'started' if entry['status'] == 'running' else 'starts'} {start}"
    if end is not None:
        yield f"  ends {end}"
