"""Checks of limits as they are set: amounts within bounds, and a narrowing that their kind can have."""

import math
from collections.abc import Collection, Iterator, Mapping

from tuning.errors import Finding
from tuning.queue.limits.limit import EACH, Limit, LimitKind, Limits, Place, SubjectKind, member_of
from tuning.queue.limits.words import amount_words, limit_words
from tuning.queue.waiting_job import JobClass

MOST: Mapping[LimitKind, float] = {
    LimitKind.RUNNING_JOBS: 1_000_000,
    LimitKind.GPUS: 1_000_000,
    LimitKind.QUEUED_JOBS: 1_000_000,
    LimitKind.GPU_HOURS: 720_000_000,
    LimitKind.TIME_LIMIT: 10 * 366 * 86_400,
    LimitKind.DATASET_BYTES: 1e18,
    LimitKind.RESULT_BYTES: 1e18,
}
"""The greatest amount of each kind: a million GPUs for 30 days, ten years, an exabyte."""
LONGEST_SUBJECT = 100
_COUNTED_BY: Mapping[LimitKind, frozenset[str]] = {
    LimitKind.GPU_HOURS: frozenset({"cluster"}),
    LimitKind.DATASET_BYTES: frozenset(),
    LimitKind.RESULT_BYTES: frozenset({"cluster"}),
}
"""The narrowings by which the use of a kind is kept, where that is not by all."""
_NARROWINGS = {"cluster": "cluster", "partition": "partition", "class": "job_class"}
"""Columns of a limit, by their names in a request."""


def check_limit(limit: Limit, clusters: Collection[str]) -> list[Finding]:
    """Findings of a limit, but for a subject that nobody knows."""
    return [*_check_subject(limit), *_check_amount(limit), *_check_narrowing(limit, clusters)]


def check_is_no_wider(limit: Limit, others: Limits) -> Iterator[Finding]:
    """Findings about a member's limit that allows more than the limits of the team, the user or everybody do there."""
    team, user = member_of(limit.subject)
    place = Place(user, team, limit.cluster, limit.partition, limit.job_class)
    for bound in others.of(place):
        its = bound.limit
        if its.subject_kind is not SubjectKind.MEMBER and its.kind is limit.kind and its.amount < limit.amount:
            hint = f"give {amount_words(its.kind, its.amount)} at most"
            yield Finding(("amount",), f"{limit_words(bound)}: a limit of its member may not be wider", hint)


def _check_subject(limit: Limit) -> Iterator[Finding]:
    if limit.subject_kind is SubjectKind.EVERYBODY and limit.subject:
        yield Finding(("subject",), "a limit of everybody together has no subject", "leave subject out")
    if len(limit.subject) > LONGEST_SUBJECT:
        message = f"the names of team and user have more than {LONGEST_SUBJECT - 1} characters together"
        yield Finding(("subject",), message, "set the limit of the user, or of each member")
    if limit.subject_kind is not SubjectKind.EVERYBODY and not limit.subject.rpartition("/")[2]:
        hint = f"give the name of a {limit.subject_kind}, or {EACH} for each"
        yield Finding(("subject",), f"a limit of which {limit.subject_kind}?", hint)


def _check_amount(limit: Limit) -> Iterator[Finding]:
    most = MOST[limit.kind]
    if not math.isfinite(limit.amount) or not 0 <= limit.amount <= most:
        yield Finding(("amount",), f"{limit.amount:g} is no amount of {limit.kind}", f"give 0 to {most:.0f}")
    elif limit.kind is not LimitKind.GPU_HOURS and limit.amount != int(limit.amount):
        yield Finding(("amount",), f"{limit.kind} is counted in whole numbers", f"give {math.floor(limit.amount)}")


def _check_narrowing(limit: Limit, clusters: Collection[str]) -> Iterator[Finding]:
    counted = _COUNTED_BY.get(limit.kind, _NARROWINGS.keys())
    for name, column in _NARROWINGS.items():
        if getattr(limit, column) and name not in counted:
            hint = (
                f"leave {name} out" if not counted else f"leave {name} out: it may be narrowed by {', '.join(counted)}"
            )
            yield Finding((name,), f"the use of {limit.kind} is not kept by {name}", hint)
    if limit.cluster and limit.cluster not in clusters:
        known = ", ".join(sorted(clusters)) or "none yet"
        yield Finding(("cluster",), f"there is no cluster {limit.cluster}", f"the clusters are: {known}")
    classes = [job_class.name.lower() for job_class in JobClass]
    if limit.job_class and limit.job_class not in classes:
        yield Finding(("class",), f"there is no class {limit.job_class}", f"the classes are: {', '.join(classes)}")
    if "," in limit.partition:
        yield Finding(("partition",), "a limit is narrowed by a single partition", "set a limit for each")
