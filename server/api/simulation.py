"""Route of `POST /queue/simulate`: the order of the queue, tried on a recorded workload beside FIFO and EASY."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server.api.pages import Line
from server.dependencies import ClustersDep, FeedDep, FeedUser, SessionsDep, SettingsDep, in_transaction
from server.feed.cache import Feed
from server.http.bounds.shares import Places
from server.http.errors.problems import responses
from tuning.errors import Finding, InvalidInput, NotAllowed
from tuning.jobs.queries.queue.history import recorded_jobs
from tuning.queue.order import Weights
from tuning.queue.simulation.compare import Comparison, compare
from tuning.queue.simulation.measures import Measures
from tuning.queue.simulation.swf import DEFAULT_SEED, read_swf
from tuning.queue.simulation.trace import Trace, recorded_trace
from tuning.usage.weights import weights_of

router = APIRouter(prefix="/queue", tags=["queue"])

MOST_JOBS = 20_000
MOST_PEOPLE = 1_000
MOST_SECONDS = 60.0
"""Of computing: a workload in which everything waits takes far longer than its number of jobs says."""
_BY_COMMAND = "larger ones go by the operator's command: packtrain simulate FILE"
_MOST_GPUS = 1_000_000
_MOST_WEIGHT_SECONDS = 10 * 366 * 86_400.0


class SimulationRequest(BaseModel):
    """A workload to try the order of the queue on: one that is sent, or a cluster's own history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trace: str | None = Field(
        default=None, description=f"A workload in the Standard Workload Format, up to {MOST_JOBS} jobs (and 1 MB)."
    )
    history: bool = Field(default=False, description=f"The newest {MOST_JOBS} jobs that ended on `cluster` instead.")
    cluster: Line | None = Field(default=None, description="With `history`: whose, where there are several clusters.")
    gpus: int | None = Field(
        default=None, ge=1, le=_MOST_GPUS, description="GPUs of the machine; else as the workload or the cluster says."
    )
    load: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Submit in a shorter or longer time: this part of all GPU time is wanted.",
    )
    teams: bool = Field(default=False, description="The groups of `trace` are teams; else all are one.")
    seed: int = Field(default=DEFAULT_SEED, ge=0, lt=2**32, description="Of time limits that are made up.")
    half_life_seconds: float | None = Field(
        default=None, ge=0, le=_MOST_WEIGHT_SECONDS, description="Another half-life than that of the settings."
    )
    overdue_seconds: float | None = Field(
        default=None, ge=0, le=_MOST_WEIGHT_SECONDS, description="After which the oldest job comes first, likewise."
    )

    def weights(self, of_settings: Weights) -> Weights:
        """The settings' weights with those that are given."""
        given = self.model_dump(include={"half_life_seconds", "overdue_seconds"}, exclude_none=True)
        return Weights(**{**asdict(of_settings), **given})


class OrderMeasures(BaseModel):
    """Measures of one order of the workload (docs/benchmarks.md says what each is)."""

    order: str = Field(description="FIFO, EASY, or packtrain.")
    mean_wait_seconds: float = Field(description="From submission to start.")
    longest_wait_seconds: float = Field(description="Likewise.")
    mean_slowdown: float = Field(description="Bounded slowdown, the mean over jobs.")
    worst_person_slowdown: float = Field(description="The mean of whoever fared worst.")
    jain_index: float = Field(description="Of people's mean slowdowns: 1 where all are equal.")
    share_error: float = Field(description="The part of the GPUs that others had than an even deal gives it to.")
    utilisation: float = Field(description="Of the machine, until the last submission.")

    @classmethod
    def of(cls, order: str, measures: Measures) -> Self:
        """From its measures."""
        return cls(order=order, **asdict(measures))


class Simulation(BaseModel):
    """The workload, and its measures under each order."""

    jobs: int = Field(description="Jobs of the workload that were started.")
    people: int = Field(description="The people whose they are.")
    gpus: int = Field(description="GPUs of the machine.")
    days: float = Field(description="From the first submission to the last.")
    load: float = Field(description="The part of all GPU time that was wanted until the last submission.")
    left_out: int = Field(description="Jobs that never ran, or need more GPUs than there are.")
    made_up_limits: int = Field(description="Jobs whose time limit nobody recorded.")
    orders: list[OrderMeasures] = Field(description="packtrain's and the yardsticks, each with its measures.")
    beyond_bound: int = Field(description="Jobs that waited longer under packtrain's order than its bound.")

    @classmethod
    def of(cls, trace: Trace, found: Comparison) -> Self:
        """From a workload and what came of it."""
        return cls(
            jobs=len(trace.jobs),
            people=_people(trace),
            gpus=trace.gpus,
            days=(trace.jobs[-1].submitted_at - trace.jobs[0].submitted_at) / 86_400,
            load=trace.load,
            left_out=trace.left_out,
            made_up_limits=trace.made_up_limits,
            orders=[OrderMeasures.of(name, its) for name, its in found.measures.items()],
            beyond_bound=found.beyond_bound,
        )


async def get_simulating(request: Request) -> Places:
    """The place for simulations, of which there is one."""
    places: Places = request.app.state.simulating
    return places


@router.post("/simulate", responses=responses(429, 503))
def simulate_queue(
    request: SimulationRequest,
    user: FeedUser,
    settings: SettingsDep,
    clusters: ClustersDep,
    feed: FeedDep,
    sessions: SessionsDep,
    simulating: Annotated[Places, Depends(get_simulating)],
) -> Simulation:
    """Try packtrain's order on a workload, beside FIFO and EASY backfill: the measures of `packtrain simulate`.

    For administrators, and where everybody sees all jobs. One runs at once.
    """
    if not user.sees_all:
        raise NotAllowed("only administrators simulate the queue where members do not see all jobs")
    with simulating.place(user.user_id):
        trace = _workload(request, clusters, feed, lambda work: in_transaction(sessions, work))
        return Simulation.of(trace, compare(trace, request.weights(weights_of(settings)), _deadline()))


def _workload(
    request: SimulationRequest,
    clusters: Mapping[str, object],
    feed: Feed,
    read: Callable[[Callable[[Session], Trace]], Trace],
) -> Trace:
    """Raises InvalidInput."""
    if (request.trace is None) != request.history:
        raise InvalidInput(
            [Finding((), "either a trace is sent or the history asked for", "history: true, or a trace")]
        )
    if request.trace is not None:
        recorded = _sent(request, request.trace)
    else:
        cluster = _cluster(request, clusters)
        recorded = read(lambda session: _history(session, feed, cluster, request.gpus))
    _check_size(recorded)
    return recorded.with_load(request.load) if request.load is not None else recorded


def _sent(request: SimulationRequest, trace: str) -> Trace:
    try:
        return read_swf(trace.split("\n"), request.gpus, groups_are_teams=request.teams, seed=request.seed)
    except InvalidInput as error:
        raise InvalidInput([Finding(("trace",), each.message, each.hint) for each in error.findings]) from error


def _history(session: Session, feed: Feed, cluster: str, gpus: int | None) -> Trace:
    known = gpus or sum(machine.gpus.total for machine in feed.queues.view(session, cluster).machines)
    if not known:
        raise InvalidInput([Finding(("gpus",), f"{cluster} has told of no GPUs yet", "name their number")])
    return recorded_trace(recorded_jobs(session, cluster, MOST_JOBS), known)


def _cluster(request: SimulationRequest, clusters: Mapping[str, object]) -> str:
    named = request.cluster or (next(iter(clusters)) if len(clusters) == 1 else None)
    if named is None or named not in clusters:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("cluster",), "name a cluster that there is", hint)])
    return named


def _check_size(trace: Trace) -> None:
    for what, count, most in (("jobs", len(trace.jobs), MOST_JOBS), ("people", _people(trace), MOST_PEOPLE)):
        if count > most:
            raise InvalidInput([Finding(("trace",), f"{count:,} {what} are more than {most:,}", _BY_COMMAND)])


def _people(trace: Trace) -> int:
    return len({job.person for job in trace.jobs})


def _deadline() -> Callable[[], None]:
    """Raises InvalidInput at the first look at the queue after `MOST_SECONDS`."""
    until = time.monotonic() + MOST_SECONDS

    def check() -> None:
        if time.monotonic() > until:
            message = f"this workload takes more than {MOST_SECONDS:.0f} seconds: too much of it waits at once"
            raise InvalidInput([Finding((), message, f"send fewer jobs, or a lower load; {_BY_COMMAND}")])

    return check
