"""A site's database, which the bench shares with its server and worker: what is asked there costs neither of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from packtrain.schema import Resources
from tests.e2e.site import SHORT_RUN, Site
from tests.factories import make_token, make_user
from tuning.clusters.models import ClusterRow
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.actions import create
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.models import Job
from tuning.jobs.request.resources import UNKNOWN_CLUSTER
from tuning.jobs.request.spec import JobRequest
from tuning.jobs.status import ENDED, ON_CLUSTER, JobStatus
from tuning.people.models import LAB_TEAM_ID, SignInWay, User
from tuning.people.sessions import SignIn, begin_session
from tuning.people.tokens import authenticate
from tuning.settings import load_clusters

SMALL: Resources = {"gpus_per_node": 0, "cpus_per_gpu": 1, "memory": "1G"}
"""One processor and no GPU: the lab's eight GPUs would be the limit otherwise."""


@dataclass(frozen=True)
class CycleEnd:
    """End of a worker's cycle: its time, its length, and the remote commands given by then."""

    ended_at: datetime
    commands: int
    seconds: float

    def commands_a_minute(self, before: "CycleEnd") -> float:
        """Remote commands a minute since an earlier cycle."""
        return 60 * (self.commands - before.commands) / (self.ended_at - before.ended_at).total_seconds()


class SiteDatabase:
    """The jobs of a site, and its cluster, past HTTP."""

    def __init__(self, site: Site) -> None:
        self._engine: Engine = open_engine(f"sqlite:///{site.state.resolve() / 'packtrain.db'}")
        self._sessions = open_sessions(self._engine)
        self._kept = self._engine.raw_connection()
        clusters = load_clusters(site.state / "clusters.toml")
        self._around = Surroundings(
            clusters,
            lambda _name: UNKNOWN_CLUSTER,
            lambda _ids: (),
            lambda _names: {},
            lambda _cluster: {},
            lambda _ids: {},
            lambda _name: LAB_TEAM_ID,
            lambda _id: "lab",
            lambda _names: (),
        )

    def close(self) -> None:
        """Let go of the database."""
        self._kept.close()
        self._engine.dispose()

    def add(self, count: int, resources: Resources | None = None) -> list[str]:
        """Queue so many jobs in one transaction, as a burst of POSTs would; returns their ids."""
        request = JobRequest.model_validate({"config": SHORT_RUN, "resources": resources or SMALL})
        with transaction(self._sessions) as session:
            owner = session.scalars(select(User.id)).first()
            if owner is None:
                raise RuntimeError("the site has no user")
            now, asker = datetime.now(UTC), create.Asker(owner)
            return [create.create_job(session, request, asker, self._around, now)[0].id for _ in range(count)]

    def count(self, *statuses: JobStatus) -> int:
        """Number of jobs with one of these statuses."""
        with self._sessions() as session:
            return session.scalar(select(func.count()).select_from(Job).where(Job.status.in_(statuses))) or 0

    def count_live(self) -> int:
        """Number of jobs that have not ended."""
        with self._sessions() as session:
            return session.scalar(select(func.count()).select_from(Job).where(Job.status.not_in(ENDED))) or 0

    def running_jobs(self, limit: int) -> list[str]:
        """The ids of some running jobs."""
        with self._sessions() as session:
            return [*session.scalars(select(Job.id).where(Job.status == JobStatus.RUNNING).limit(limit))]

    def live_folders(self) -> list[str]:
        """The folder of each live job's attempt, beneath packtrain's own."""
        with self._sessions() as session:
            live = select(Job.id, Job.attempt).where(Job.status.in_(ON_CLUSTER))
            return [f"jobs/{job_id}/{number}" for job_id, number in session.execute(live)]

    def last_cycle(self) -> CycleEnd:
        """The worker's newest cycle."""
        with self._sessions() as session:
            row = session.scalars(select(ClusterRow)).one()
            if row.reached_at is None or row.commands is None:
                raise RuntimeError("the worker has not ended a cycle yet")
            return CycleEnd(row.reached_at, row.commands["commands"], row.commands["cycle_seconds"])

    def sign_in(self, people: int, sessions_each: int) -> list[str]:
        """New people who have signed in from so many browsers each; returns the texts of their sessions."""
        now, way = datetime.now(UTC), SignIn(SignInWay.TOKEN, "127.0.0.1", "bench")
        with transaction(self._sessions) as session:
            tokens = [make_token(session, make_user(session, name=f"reader{number}")) for number in range(people)]
            principals = [authenticate(session, token, now) for token in tokens for _ in range(sessions_each)]
            return [begin_session(session, principal, way, now, 3600).text for principal in principals]

    def has_slurm_id(self, job_id: str) -> bool:
        """Whether Slurm has given this job a number; asked so that two thousand looks a second cost nobody anything."""
        cursor = self._kept.cursor()
        cursor.execute("SELECT slurm_job_id FROM jobs WHERE id = ?", (job_id,))
        return cursor.fetchall()[0][0] is not None

    def all_have_ids(self, job_ids: Sequence[str]) -> bool:
        """Whether Slurm has given each of these jobs a number."""
        wanted = select(func.count()).select_from(Job).where(Job.id.in_(job_ids), Job.slurm_job_id.is_not(None))
        with self._sessions() as session:
            return session.scalar(wanted) == len(job_ids)
