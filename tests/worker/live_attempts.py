"""Attempts that Slurm has, as the worker knows them before a cycle."""

from datetime import UTC, datetime

from tuning.jobs.output.growth import Position
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.status import JobStatus

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def attempt(job_id: str = "job_a", **positions: Position) -> LiveAttempt:
    return LiveAttempt(
        job_id=job_id,
        number=1,
        token="0123456789abcdef",
        status=JobStatus.RUNNING,
        slurm_job_id=7,
        slurm_state="RUNNING",
        slurm_reason=None,
        expected_start_at=None,
        submitted_at=NOW,
        started_at=NOW,
        cancel_requested_at=None,
        missing_since=None,
        missing_polls=0,
        last_step=None,
        shown_step=None,
        shown_total=None,
        positions=positions,
    )
