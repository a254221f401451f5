"""Entries of the queue as the API shows them: place, rank, what is waited for, and the forecast."""

import math
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from server.feed.queue.view import moment
from server.feed.queue.waits import Wait, WaitKind
from tuning.jobs.request.spec import JobClassWord
from tuning.jobs.status import JobStatus
from tuning.queue.forecast import Forecast
from tuning.queue.standing import FairStanding
from tuning.queue.waiting_job import WaitingJob


class Rank(BaseModel):
    """Rank of a job among those that wait: its class, its owner's fair place, and its age."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    job_class: JobClassWord = Field(alias="class", description="`urgent` comes before `normal`, then `scavenger`.")
    team_level_fs: float | None = Field(
        description="The team's share of the GPU time by what it had of late: above 1 it had less than its share; null "
        "where it had nothing."
    )
    user_level_fs: float | None = Field(description="Likewise the owner's within the team.")
    fair_place: int = Field(description="The owner's, by Fair Tree; 1 = first. Equal ones share a place.")
    fair_places: int = Field(description="People who have a place.")
    age_seconds: float = Field(description="Since it began to wait.")
    gpus: int = Field(description="On all its nodes together.")

    @classmethod
    def of(cls, job: WaitingJob, standing: FairStanding | None, now: datetime) -> Self:
        """From the job and its owner's standing."""
        return cls.model_validate(
            {
                "class": job.job_class.name.lower(),
                "team_level_fs": _finite(standing.team_level_fs) if standing else None,
                "user_level_fs": _finite(standing.user_level_fs) if standing else None,
                "fair_place": standing.fair_place + 1 if standing else 1,
                "fair_places": standing.fair_places if standing else 1,
                "age_seconds": max(round(now.timestamp() - job.queued_at, 1), 0.0),
                "gpus": job.gpus,
            }
        )


class HeldBy(BaseModel):
    """A job whose end lets this one start, or brings that nearer."""

    job_id: str = Field(description="Its id.")
    expected_end_at: datetime | None = Field(description="Null where nothing can tell.")


class WaitsFor(BaseModel):
    """Reason for which the job has not begun."""

    kind: WaitKind = Field(
        description="`window`: its turn to be handed to Slurm; `cluster`: the cluster, or Slurm, takes none now."
    )
    words: str = Field(description="The same in a sentence.")
    limit: float | None = Field(description="The limit's amount, where it waits for a limit.")
    in_use: float | None = Field(description="How much of the limit is used.")
    held_by: list[HeldBy] = Field(description="At most ten, of those that you may see; the words count others.")

    @classmethod
    def of(cls, wait: Wait) -> Self:
        """From what the queue says."""
        held_by = [
            HeldBy(job_id=each.job_id, expected_end_at=moment(each.ends_at) if each.ends_at is not None else None)
            for each in wait.held_by
        ]
        return cls(kind=wait.kind, words=wait.words, limit=wait.limit, in_use=wait.in_use, held_by=held_by)


class Expected(BaseModel):
    """Start and end that are expected of a job, with bounds; null where nothing can tell."""

    expected_start_at: datetime | None = Field(description="Of its next attempt.")
    expected_start_low_at: datetime | None = Field(description="Hardly sooner than this.")
    expected_start_high_at: datetime | None = Field(description="Hardly later than this.")
    expected_end_at: datetime | None = Field(description="Of the whole job, by its owner's earlier runs.")
    expected_end_low_at: datetime | None = Field(description="Hardly sooner than this.")
    expected_end_high_at: datetime | None = Field(description="Hardly later than this.")


class QueueEntry(Expected):
    """A job that has not begun: its place, why it has it, what it waits for, and when it is expected to start."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    position: int | None = Field(
        description="From 1, in packtrain's own queue of the cluster; null once it is handed to Slurm."
    )
    job_id: str = Field(description="Its id.")
    name: str = Field(description="The job's name.")
    owner: str = Field(description="Name of the user.")
    team: str = Field(description="Team whose share it uses.")
    job_class: JobClassWord = Field(alias="class", description="As in its rank.")
    cluster: str = Field(description="The cluster in whose queue it is.")
    status: JobStatus = Field(description="Where the job stands.")
    rank: Rank = Field(description="Why it has this place.")
    waits_for: WaitsFor = Field(description="Why it has not begun.")


def expected_times(forecast: Forecast | None) -> dict[str, datetime | None]:
    """Fields of `Expected`."""
    if forecast is None:
        return dict.fromkeys(Expected.model_fields)
    found: dict[str, datetime | None] = {}
    for name, its in (("start", forecast.starts_at), ("end", forecast.ends_at)):
        found |= {
            f"expected_{name}_at": moment(its.expected),
            f"expected_{name}_low_at": moment(its.low),
            f"expected_{name}_high_at": moment(its.high),
        }
    return found


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
