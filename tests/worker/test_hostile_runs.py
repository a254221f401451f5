"""What runs leave is data of strangers: 500 sets of hostile run files beside a healthy job, through the watch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_job, make_user
from tests.worker import hostile_files as hostile
from tests.worker.conftest import World, submit
from tests.worker.watched_run import WatchedCluster
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import AccountedJob, QueuedJob
from worker.observe.set_aside import CODE
from worker.observe.stall import StallWatch
from worker.observe.watch import watch

ROUNDS, SETS = 10, 50
_LOOKS_AT_THE_END = 9


@dataclass(frozen=True)
class Course:
    """How a job goes on, and where it may end."""

    slurm: str
    record: int | None
    """The exit code of the record; None = a record that is none."""
    is_spoiled: bool
    """The results are altered as well."""
    ends: tuple[JobStatus, ...]


_HEALTHY = Course("COMPLETED", 0, is_spoiled=False, ends=(JobStatus.SUCCEEDED,))
_COURSES = (
    _HEALTHY,
    Course("COMPLETED", 0, is_spoiled=True, ends=(JobStatus.SUCCEEDED, JobStatus.FAILED)),
    Course("COMPLETED", None, is_spoiled=True, ends=(JobStatus.SUCCEEDED, JobStatus.FAILED)),
    Course("FAILED", 1, is_spoiled=True, ends=(JobStatus.FAILED,)),
    Course("FAILED", None, is_spoiled=True, ends=(JobStatus.FAILED,)),
    Course("TIMEOUT", None, is_spoiled=True, ends=(JobStatus.FAILED,)),
    Course("CANCELLED by 1000", None, is_spoiled=True, ends=(JobStatus.CANCELLED,)),
    Course("NODE_FAIL", None, is_spoiled=True, ends=(JobStatus.QUEUED,)),
)


@dataclass(frozen=True)
class HostileRun:
    """A job with its course; `seed` None is the healthy one."""

    job_id: str
    slurm_job_id: int
    slurm_name: str
    course: Course
    seed: int | None

    @property
    def folder(self) -> str:
        return f"/shared/packtrain/jobs/{self.job_id}"


class Site:
    """Many runs on one cluster, looked at together."""

    def __init__(self, world: World, sessions: sessionmaker[Session], seeds: Sequence[int]) -> None:
        self.world, self.sessions, self.cluster = world, sessions, WatchedCluster()
        self.driver = replace(world.driver, cluster=self.cluster)
        self.stalls = StallWatch(self.driver)
        self.cluster.accounted = {}
        with transaction(sessions) as session:
            owner = make_user(session)
            wanted = {make_job(session, owner).id: seed for seed in (None, *seeds)}
        submit(self.driver)
        found = {
            one.directory.split("/")[-2]: (number, one.job_name)
            for number, one in enumerate(self.cluster.submitted, 100)
        }
        self.runs = [HostileRun(job_id, *found[job_id], _course(seed), seed) for job_id, seed in wanted.items()]
        self.healthy = self.runs[0]

    def say(self, *, ended: bool) -> None:
        now = self.world.clock().timestamp()
        self.cluster.clock_epoch = now
        self.cluster.queue = {} if ended else {one.slurm_job_id: _queued(one, now) for one in self.runs}
        if ended:
            self.cluster.accounted = {(one.slurm_job_id, one.slurm_name): _accounted(one, now) for one in self.runs}

    def write(self, run: HostileRun, name: str, content: bytes) -> None:
        self.cluster.files[f"{run.folder}/{name}"] = content

    def look(self) -> None:
        self.stalls.tell(watch(self.driver))
        self.world.clock.advance(20)

    def status(self, run: HostileRun) -> JobStatus:
        return self.world.job(run.job_id).status


def _course(seed: int | None) -> Course:
    return _HEALTHY if seed is None else _COURSES[seed % len(_COURSES)]


def _queued(run: HostileRun, now: float) -> QueuedJob:
    return QueuedJob(run.slurm_job_id, "RUNNING", None, now, "n1", run.slurm_name, "(null)")


def _accounted(run: HostileRun, now: float) -> AccountedJob:
    return AccountedJob(run.slurm_job_id, run.course.slurm, run.course.record, now, now, "n1")


def _grow(site: Site, run: HostileRun, share: float) -> None:
    """What is written while it runs: logs, and from a hostile run records that are none."""
    log = hostile.recorded("trainer_log.complete.jsonl")
    if run.seed is not None:
        random = Random(run.seed)  # noqa: S311 - the same files each time
        log = hostile.altered_lines(random, log)
        for stream in ("stdout", "stderr"):
            site.write(run, f"1/{stream}.log", hostile.noise(random))
        if run.course.record is None:
            site.write(run, "1/exit", hostile.unreadable_record(random, run.slurm_job_id, site.cluster.clock_epoch))
    site.write(run, "output/trainer_log.jsonl", log[: round(len(log) * share)])


def _end(site: Site, run: HostileRun) -> None:
    epoch = site.cluster.clock_epoch
    state, results = (hostile.recorded(f"{name}.complete.json") for name in ("trainer_state", "train_results"))
    files = {"output/trainer_state.json": state, "output/train_results.json": results}
    files |= {"output/all_results.json": results, "1/files": hostile.listing(epoch + 5)}
    files["1/started"] = hostile.record(run.slurm_job_id, epoch, 0)
    if run.course.record is not None:
        files["1/exit"] = hostile.record(run.slurm_job_id, epoch, run.course.record)
    if run.seed is not None and run.course.is_spoiled:
        random = Random(-run.seed)  # noqa: S311 - the same files each time
        files |= {name: hostile.altered_json(random, files[name]) for name in list(files)[:3]}
        files["1/files"] = hostile.altered_listing(random, epoch + 5)
        files["1/resumed"] = hostile.altered_bytes(random, b"step=5\n")
        files["1/started"] = hostile.altered_bytes(random, files["1/started"])
    for name, content in files.items():
        site.write(run, name, content)


def _numbers(row: object) -> list[float]:
    values = [getattr(row, column.key) for column in inspect(type(row)).mapper.column_attrs]
    return [value for value in values if isinstance(value, float)]


CASES = [("sqlite", number) for number in range(ROUNDS)] + [("postgresql", 0), ("postgresql", ROUNDS)]


@pytest.mark.parametrize(("database_url", "number"), CASES, indirect=["database_url"])
def test_no_run_files_stop_the_worker_or_end_a_job_wrongly(
    world: World, sessions: sessionmaker[Session], number: int
) -> None:
    site = Site(world, sessions, range(number * SETS, (number + 1) * SETS))
    site.say(ended=False)
    site.look()
    for share in (0.4, 0.7, 1.0):
        for run in site.runs:
            _grow(site, run, share)
        site.look()
        site.look()
        assert {site.status(run) for run in site.runs} == {JobStatus.RUNNING}
    for run in site.runs:
        _end(site, run)
    site.say(ended=True)
    for _ in range(_LOOKS_AT_THE_END):
        site.look()
    wrong = {run.seed: site.status(run) for run in site.runs if site.status(run) not in run.course.ends}
    assert wrong == {}
    _check_the_healthy_job(site)
    _check_the_rows(site)


def _check_the_healthy_job(site: Site) -> None:
    job = site.world.job(site.healthy.job_id)
    assert (job.current_steps, job.total_steps, job.percentage, job.failure) == (90, 90, 100.0, None)
    assert job.result
    assert job.result["train_loss"] == pytest.approx(6.0132, abs=1e-3)
    with site.sessions() as session:
        warnings = session.scalars(select(JobEvent).filter_by(job_id=job.id, type="warning")).all()
    assert warnings == []


def _check_the_rows(site: Site) -> None:
    """Each file is told of once, and every number can be shown."""
    with site.sessions() as session:
        events = session.execute(select(JobEvent.job_id, JobEvent.data).where(JobEvent.type == "warning")).all()
        rows = [*session.scalars(select(Job)), *session.scalars(select(Attempt))]
    told = [(job_id, data["attempt"], data["file"]) for job_id, data in events if data.get("code") == CODE]
    assert len(told) == len(set(told))
    unreadable = {run.job_id for run in site.runs if run.course.record is None}
    assert {job_id for job_id, _, file in told if file == "exit"} == unreadable
    assert all(math.isfinite(number) for row in rows for number in _numbers(row))
