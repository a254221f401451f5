"""Settings of the order of the queue: what is not given has the default of tuning.queue.order.Weights."""

from pydantic import BaseModel, Field


class QueueSettings(BaseModel):
    """Weights of the order, as the environment gives them (docs/decisions/0011-one-queue.md)."""

    queue_half_life_seconds: float | None = Field(default=None, ge=0)
    """After which use and slowdowns count half; 0 = what has ended does not count at all."""
    queue_team_place_doublings: float | None = Field(default=None, ge=0)
    queue_fair_place_doublings: float | None = Field(default=None, ge=0)
    queue_person_share: float | None = Field(default=None, ge=0, le=1)
    queue_overdue_seconds: float | None = Field(default=None, ge=0)
    queue_soonest_overdue_seconds: float | None = Field(default=None, ge=0)
    queue_backlog_share: float | None = Field(default=None, ge=0)
    queue_short_limit_seconds: float | None = Field(default=None, ge=0)
    queue_passing_slowdown: float | None = Field(default=None, ge=0)
