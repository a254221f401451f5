"""Limits of a lab, set through the API and held against what Slurm itself recorded. Pure but for the setting."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from packtrain.client import Packtrain
from packtrain.schema import LimitRequest, SubjectKind
from tests.lab_of_people.measures import Span, held_within, peak
from tests.lab_of_people.slurm_records import SlurmRun

EACH = "*"
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class OwnedRun:
    """A submission with the person, the team, the class and the cluster of its job."""

    run: SlurmRun
    person: str
    team: str
    job_class: str
    cluster: str

    @property
    def span(self) -> Span | None:
        """The time for which it ran; None where it never did."""
        if self.run.started_at is None or self.run.ended_at is None:
            return None
        return Span(self.run.started_at, self.run.ended_at)


@dataclass(frozen=True)
class LabLimit:
    """A limit of running jobs or of GPUs: of a user, a team, each of them, or everybody."""

    subject_kind: SubjectKind
    subject: str
    kind: str
    amount: float
    cluster: str = ""
    partition: str = ""
    job_class: str = ""

    def request(self) -> LimitRequest:
        """The body of `PUT /limits`."""
        narrowed = {"cluster": self.cluster, "partition": self.partition, "class": self.job_class}
        found = {"subject_kind": self.subject_kind, "kind": self.kind, "amount": self.amount, "subject": self.subject}
        return cast(LimitRequest, {name: value for name, value in {**found, **narrowed}.items() if value})

    def subject_of(self, own: OwnedRun) -> str | None:
        """The user or the team that the run counts for; empty = everybody; None = it does not count."""
        wanted = ((self.cluster, own.cluster), (self.partition, own.run.partition), (self.job_class, own.job_class))
        if any(value and value != its for value, its in wanted):
            return None
        its = {"user": own.person, "team": own.team, "everybody": ""}[self.subject_kind]
        return its if self.subject in (EACH, its) else None

    def spans(self, runs: Iterable[OwnedRun]) -> Mapping[str, Sequence[Span]]:
        """The amounts that were held, by subject."""
        found: dict[str, list[Span]] = defaultdict(list)
        for own in runs:
            subject, span = self.subject_of(own), own.span
            if subject is not None and span is not None:
                amount = 1.0 if self.kind == "running_jobs" else float(own.run.gpus)
                found[subject].append(Span(span.start, span.end, amount))
        return found


def set_limits(admin: Packtrain, limits: Iterable[LabLimit]) -> None:
    """Set them all."""
    for limit in limits:
        admin.set_limit(**limit.request())


def peaks(limits: Sequence[LabLimit], runs: Sequence[OwnedRun]) -> Iterator[tuple[LabLimit, str, float]]:
    """Each limit of running jobs or GPUs with each subject and the most that it ever held."""
    for limit in limits:
        if limit.kind in ("running_jobs", "gpus"):
            own = {other.subject for other in limits if _replaces(other, limit)}
            for subject, spans in sorted(limit.spans(runs).items()):
                if subject not in own:
                    yield limit, subject, peak(spans)


def gpu_hours(limit: LabLimit, runs: Iterable[OwnedRun], until: float) -> float:
    """GPU hours that the subject of a limit had until a moment."""
    spans = [span for its in limit.spans(runs).values() for span in its]
    return held_within(spans, 0.0, until) / _SECONDS_PER_HOUR


def _replaces(other: LabLimit, limit: LabLimit) -> bool:
    """Whether the other is a subject's own, in the place of one for each."""
    kinds = (other.subject_kind, other.kind) == (limit.subject_kind, limit.kind)
    narrowed = (other.cluster, other.partition, other.job_class) == (limit.cluster, limit.partition, limit.job_class)
    return limit.subject == EACH and other.subject != EACH and kinds and narrowed
