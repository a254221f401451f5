"""Findings about a lab's day: jobs lost or doubled, limits exceeded, places not kept, shares not had. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.lab_of_people.day import Look, Ordered
from tests.lab_of_people.limits import OwnedRun
from tests.lab_of_people.measures import Span, common_span, held_within, share_errors
from tests.lab_of_people.sleeper import Line

SOON_SECONDS = 4.0
"""After a look at the queue: later its order is another one, as people's use is."""
KEPT_SECONDS = 10.0
"""An order is kept for five seconds, and a cycle takes two and more."""


def lost_or_doubled(orders: Sequence[Ordered], statuses: Mapping[str, str], lines: Sequence[Line]) -> Iterator[str]:
    """Faults in the ends of the jobs: each has to succeed, and its training to begin and end once."""
    began = Counter(line.job_id for line in lines if line.word == "begin")
    ended = Counter(line.job_id for line in lines if line.word == "end")
    for line in lines:
        if line.word == "twice":
            yield f"{line.job_id} ran twice at the same time"
    wanted = {order.job_id for order in orders}
    if len(wanted) != len(orders):
        yield f"{len(orders)} orders made {len(wanted)} jobs"
    yield from (f"nobody ordered {job_id}" for job_id in sorted(statuses.keys() - wanted))
    for job_id in sorted(wanted):
        found = (statuses.get(job_id), began[job_id], ended[job_id])
        if found != ("succeeded", 1, 1):
            yield f"{job_id}: (status, begun, ended) is {found}"


def full_demand(orders: Sequence[Ordered], runs: Sequence[OwnedRun], apart: frozenset[str]) -> tuple[float, float]:
    """The time for which each team had jobs waiting that only their turn kept; people `apart` do not count."""
    started = {own.run.job_id: own.run.started_at for own in runs if own.run.held_gpus}
    waits: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for order in orders:
        begun = started.get(order.job_id)
        if begun is not None and order.person.name not in apart:
            waits[order.person.team].append((order.at, begun))
    return common_span(waits)


def team_errors(
    runs: Sequence[OwnedRun], due: Mapping[str, float], span: tuple[float, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """GPU seconds of each team within a span, and its share of them less the share due."""
    held: dict[str, list[Span]] = defaultdict(list)
    for own in runs:
        if own.span is not None:
            held[own.team].append(Span(own.span.start, own.span.end, own.run.gpus))
    had = {team: held_within(its, *span) for team, its in held.items()}
    return had, share_errors(had, due)


def passed_over(looks: Sequence[Look], runs: Sequence[OwnedRun]) -> list[int]:
    """For each job that was handed to Slurm soon after a look at the queue: how many before it were not by then."""
    handed = first_handed_over(runs)
    counts = []
    for look in looks:
        waited = 0
        for job_id in look.job_ids:
            after = handed.get(job_id, math.inf) - look.at
            if after > SOON_SECONDS:
                waited += 1
            elif after > 0:
                counts.append(waited)
    return counts


def first_handed_over(runs: Sequence[OwnedRun]) -> dict[str, float]:
    """Time of the first hand-over to Slurm, by job."""
    handed: dict[str, float] = {}
    for own in runs:
        handed[own.run.job_id] = min(own.run.submitted_at, handed.get(own.run.job_id, math.inf))
    return handed


def overtaken(orders: Sequence[Ordered], runs: Sequence[OwnedRun]) -> int:
    """The jobs that were handed over while one of a higher priority of the same person waited for its turn."""
    handed = first_handed_over(runs)
    groups: dict[tuple[str, ...], list[Ordered]] = defaultdict(list)
    for order in orders:
        wanted = order.wanted
        if order.job_id in handed:
            groups[order.person.name, wanted.cluster, wanted.partition, wanted.job_class].append(order)
    return sum(_is_overtaking(order, its, handed) for its in groups.values() for order in its)


def _is_overtaking(order: Ordered, its: Sequence[Ordered], handed: Mapping[str, float]) -> bool:
    at = handed[order.job_id]
    return any(
        other.wanted.priority > order.wanted.priority
        and other.wanted.gpus <= order.wanted.gpus
        and other.at < at - KEPT_SECONDS
        and handed[other.job_id] > at + 1.0
        for other in its
    )
