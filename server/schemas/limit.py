"""Limits as answers show them, with their use."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from tuning.jobs.actions.limits import LimitUse
from tuning.jobs.sight import seen_by
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import MOST_HOLDERS, LimitKind, SubjectKind, member_of
from tuning.queue.limits.words import limit_words


class LimitHolder(BaseModel):
    """A job that uses a part of a limit."""

    job_id: str
    expected_end_at: datetime | None = Field(description="Null where nobody can tell.")


class LimitJson(BaseModel):
    """A limit, and its use at this moment."""

    id: str = Field(description="Its id, to remove it by.")
    subject_kind: SubjectKind = Field(description="Those who share it.")
    subject: str | None = Field(description="The user's or team's name; `*` = each; null = everybody together.")
    team: str | None = Field(description="Of a member: the team; else null.")
    kind: LimitKind = Field(description="The thing that is counted.")
    amount: float = Field(description="So much at most.")
    cluster: str | None = Field(description="On this cluster only; null = on all together.")
    partition: str | None = Field(description="Of jobs that ask for this partition only; null = whichever.")
    job_class: str | None = Field(alias="class", description="Of jobs of this class only; null = whichever.")
    in_use: float = Field(
        description="Of a limit for each: by whoever uses most, for others than administrators their own."
    )
    most_used_by: str | None = Field(description="Of a limit for each: who that is.")
    held_by: list[LimitHolder] = Field(
        description="The jobs that use it and that you may see, the first to end first; a few of very many."
    )
    words: str = Field(description="The limit in a sentence.")

    @classmethod
    def of(cls, found: LimitUse, reader: Principal) -> Self:
        """From the limit and its use, for a reader."""
        limit, subject, seen = found.limit, found.bound.subject, seen_by(reader)
        team, member = member_of(limit.subject) if limit.subject_kind is SubjectKind.MEMBER else ("", limit.subject)
        holders = [holder for holder in found.use.held_by if seen(holder.job.place)]
        values: dict[str, Any] = {
            "id": limit.id,
            "subject_kind": limit.subject_kind,
            "subject": member or None,
            "team": team or None,
            "kind": limit.kind,
            "amount": limit.amount,
            "cluster": limit.cluster or None,
            "partition": limit.partition or None,
            "class": limit.job_class or None,
            "in_use": found.use.amount,
            "most_used_by": subject.rpartition("/")[2] if found.use.amount and subject != limit.subject else None,
            "held_by": [
                LimitHolder(job_id=holder.job_id, expected_end_at=holder.expected_end_at)
                for holder in holders[:MOST_HOLDERS]
            ],
            "words": limit_words(found.bound),
        }
        return cls.model_validate(values)
