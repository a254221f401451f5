"""Sight of jobs: those that a user may see, as conditions that indexes answer."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, true

from tuning.jobs.models import Job
from tuning.people.tokens import Principal

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True)
class Sight:
    """Owner and teams whose jobs are seen; without an owner all are."""

    owner_id: str | None = None
    team_ids: tuple[str, ...] = ()

    @property
    def condition(self) -> ColumnElement[bool]:
        """Whether the job of a row is seen."""
        if self.owner_id is None:
            return true()
        return or_(Job.owner_id == self.owner_id, Job.team_id.in_(self.team_ids))

    def stretches(self) -> list[Conditions]:
        """The same in parts that hold no job twice, each one stretch of an index."""
        if self.owner_id is None:
            return [[]]
        others = Job.owner_id != self.owner_id
        return [[Job.owner_id == self.owner_id], *([Job.team_id == team_id, others] for team_id in self.team_ids)]


EVERY_JOB = Sight()


def sight_of(reader: Principal) -> Sight:
    """Sight of a user."""
    return EVERY_JOB if reader.sees_all else Sight(reader.user_id, tuple(sorted(reader.seen_teams)))
