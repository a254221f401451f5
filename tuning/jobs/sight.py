"""Sight of jobs: those that a user may see, as conditions that indexes answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, or_, true

from tuning.jobs.models import Job
from tuning.models.grants import jobs_granted_to
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import Place

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True)
class Sight:
    """Owner and teams whose jobs are seen, teams whose granted jobs are; without an owner all are."""

    owner_id: str | None = None
    team_ids: tuple[str, ...] = ()
    granted_to: tuple[str, ...] = ()
    """Teams that may use final models of others' jobs (tuning.models.grants); empty where jobs themselves are read."""

    @property
    def condition(self) -> ColumnElement[bool]:
        """Whether the job of a row is seen."""
        if self.owner_id is None:
            return true()
        own = or_(Job.owner_id == self.owner_id, Job.team_id.in_(self.team_ids))
        return or_(own, Job.id.in_(jobs_granted_to(self.granted_to))) if self.granted_to else own

    def stretches(self) -> list[Conditions]:
        """The same in parts that hold no job twice, each one stretch of an index."""
        if self.owner_id is None:
            return [[]]
        others = Job.owner_id != self.owner_id
        own = [[Job.owner_id == self.owner_id], *([Job.team_id == team_id, others] for team_id in self.team_ids)]
        return [*own, self._granted()] if self.granted_to else own

    def _granted(self) -> Conditions:
        """The jobs that are seen by a grant alone."""
        unseen = (Job.owner_id != self.owner_id, Job.team_id.not_in(self.team_ids))
        return [Job.id.in_(jobs_granted_to(self.granted_to)), *unseen]


EVERY_JOB = Sight()


def sight_of(reader: Principal) -> Sight:
    """Sight of a user."""
    return EVERY_JOB if reader.sees_all else Sight(reader.user_id, tuple(sorted(reader.seen_teams)))


def result_sight_of(reader: Principal) -> Sight:
    """Sight of a user where models that jobs left are meant: with those that a team of theirs was granted."""
    sight = sight_of(reader)
    return replace(sight, granted_to=tuple(sorted(team.id for team in reader.teams))) if sight.owner_id else sight


def seen_by(reader: Principal) -> Callable[[Place], bool]:
    """Whether a user may see the jobs of a place among people, as limits know it."""
    return lambda place: reader.may_see_named(place.user, place.team)
