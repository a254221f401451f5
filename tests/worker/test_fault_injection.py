"""One job of fifty at which a step fails, by any error: the others go on as if it were not there, and it heals."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.site import JOBS, MARK, House
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import Step
from worker.upkeep.snapshot import SnapshotKeeper

LIFE = ["job.submitting", "job.pending", "job.running", "job.succeeded"]


class Unheard(BaseException):
    """An error as a library in another language may raise it: not even an Exception."""


ERRORS: dict[str, BaseException] = {
    "ValueError": ValueError("bad"),
    "OverflowError": OverflowError("too large"),
    "KeyError": KeyError("gone"),
    "RecursionError": RecursionError("too deep"),
    "MemoryError": MemoryError(),
    "IntegrityError": IntegrityError("INSERT", {}, Exception("duplicate key")),
    "DataError": DataError("INSERT", {}, Exception("out of range")),
    "UnicodeEncodeError": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    "Unheard": Unheard("panic"),
}

WAYS: dict[str, list[str]] = {
    "submit": [
        "worker.submit.batch.prepare",
        "worker.submit.batch.begin_attempts",
        "tuning.slurm.submissions._packed",
    ],
    "settle": [
        "worker.submit.batch.confirm_attempts",
        "worker.submit.batch.confirm_attempts worker.submit.recover.confirm",
    ],
    "watch": [
        "worker.observe.watch._watched_files",
        "worker.observe.watch.plan_reads",
        "worker.observe.watch.parse_exit",
        "worker.observe.watch.decide",
        "worker.observe.write.take_in",
        "worker.observe.progress.quiet_until",
        "worker.observe.write.finish",
        "worker.observe.progress.parse_log",
        "worker.observe.progress.estimate",
        "worker.observe.progress.save_positions",
        "worker.finish.end.judge",
        "worker.finish.end.next_step",
        "worker.finish.end.transition",
    ],
}
"""Functions on the way of every job, by the step that an error in them belongs to."""
ELSEWHERE = {
    "dead_ends",
    "stall",
    "cancel",
    "remove",
    "try_out",
    "stage",
    "collect",
    "take_back",
    "make_room",
    "serve_idle",
}
"""Steps of which there is a test of their own below, in test_stage, and in serving/test_idle."""
WHOLE = {"facts", "news", "cycle"}
"""Steps that are of no job, or of all together: tests/worker/test_step_guard.py, test_loop.py."""
SLURMS = {"launch"}
"""Left out: Slurm does it, and no code of ours (tests/worker/submit/test_launch_failures.py)."""


def test_every_step_is_broken_here() -> None:
    own = {step.value for step in Step if not step.startswith("feed_")}
    assert WAYS.keys() | ELSEWHERE | WHOLE | SLURMS == own


@dataclass
class Fault:
    """Makes a function fail whenever it is called for the culprit."""

    error: BaseException
    marks: tuple[Any, ...]
    is_there: bool = True
    hits: int = 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*arguments: Any, **named: Any) -> Any:
            if self.is_there and any(self._names(one) for one in (*arguments, *named.values())):
                self.hits += 1
                raise self.error
            return function(*arguments, **named)

        return faulty

    def _names(self, value: object) -> bool:
        if isinstance(value, Session) or _is_of_all(value):
            return False
        return any(mark in _text(value) for mark in self.marks)


def _is_of_all(value: object) -> bool:
    """Answers of the cluster on all jobs, by path."""
    return isinstance(value, dict) and any(isinstance(content, bytes) for content in value.values())


def _text(value: object) -> str:
    if isinstance(value, Job):
        return value.id
    return repr(value)


@pytest.fixture
def house(world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(SnapshotKeeper, "refresh_if_old", lambda _: None)
    return House(world, sessions)


def break_at(monkeypatch: pytest.MonkeyPatch, place: str, fault: Fault) -> None:
    module, _, name = place.rpartition(".")
    owner = importlib.import_module(module)
    monkeypatch.setattr(owner, name, fault.around(getattr(owner, name)))


def cases() -> list[Any]:
    """Every place with one error, every error at some place: which it is makes no difference (test_containment)."""
    errors = cycle(ERRORS)
    return [
        pytest.param(step, place, next(errors), id=place.removeprefix("worker."))
        for step, places in WAYS.items()
        for place in places
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("step", "places", "error"), cases())
def test_one_that_fails_changes_nothing_for_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str, places: str, error: str
) -> None:
    job_ids = house.add_jobs()
    culprit = house.site.marked = job_ids[17]
    fault = Fault(ERRORS[error], (culprit, str(MARK)))
    for place in places.split(" "):
        break_at(monkeypatch, place, fault)
    house.live()
    assert fault.hits
    events = house.events()
    others = [job_id for job_id in job_ids if job_id != culprit]
    assert {job_id: events[job_id] for job_id in others} == dict.fromkeys(others, LIFE)
    assert house.world.job(culprit).status is not JobStatus.SUCCEEDED
    assert events[culprit].count("warning") == 1
    [trouble] = house.troubles()
    assert (trouble.step, trouble.subject, trouble.error) == (step, culprit, type(ERRORS[error]).__name__)
    fault.is_there = False
    house.heal()
    assert house.world.job(culprit).status is JobStatus.SUCCEEDED
    assert house.troubles() == []
    assert len({one.directory for one in house.site.submitted}) == len(house.site.submitted) == JOBS
