"""Questions to witnesses on a cluster, and their answers: of a job's end, of an attempt's owner, of a root's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuning.slurm.answers import AccountedJob, AttemptLook, NamedJob
from tuning.slurm.attempt_records import OwnerRecord


@dataclass(frozen=True)
class LookRequest:
    """The folders of an attempt that is to be looked at more closely."""

    attempt_directory: str
    output_directory: str
    takes_claim: bool = False
    """Its claim is taken where nobody has it: whatever Slurm still gets to know of, it will never train."""


@dataclass(frozen=True)
class Examination:
    """Accounting's records of jobs, and a closer look at folders."""

    accounted: Mapping[NamedJob, AccountedJob]
    """Empty also when accounting gave no answer: it may be off, slow or purged."""
    looks: Sequence[AttemptLook | None]
    """In the order of the requests."""


@dataclass(frozen=True)
class RootSign:
    """The sign of life that an installation leaves in its root."""

    installation: str
    driver: str
    last: str
    """The newest that is known to lie there; "" = none yet."""
    next: str
    taken_over: str = ""
    """The sign of an owner that has gone."""


@dataclass(frozen=True)
class RootAnswer:
    """Whose root it was, and whether it is ours now."""

    owner: OwnerRecord | None
    is_ours: bool
    was_signed: bool
    """With `next`; a full disk may keep our own root from being signed."""
    trouble: str | None = None
    """Why the cluster did not describe itself."""
