"""The server of a model, waited for: found or started, and what is told to those who wait."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from anyio import CapacityLimiter, to_thread
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.model_servers import ServerPlace
from server.feed.cache import Feed
from server.feed.queue.board import QueueBoard
from server.job_surroundings import Site, surroundings_of
from tuning.db.engine import transaction
from tuning.errors import Conflict, Unavailable
from tuning.jobs.actions.create import Asker
from tuning.jobs.models import Job
from tuning.jobs.results.resolve import resolve
from tuning.jobs.serving.create import find_server, start_server
from tuning.jobs.serving.keys import start_key
from tuning.jobs.serving.servers import FoundServer
from tuning.jobs.status import NOT_BEGUN, JobStatus
from tuning.people.models import LAB_TEAM_ID
from tuning.people.tokens import Principal
from tuning.secrets.cipher import Cipher

LOOK_SECONDS = 2.0
_SOONEST_SECONDS, _LATEST_SECONDS = 5, 60
"""Between which those who wait come back; OpenAI's clients wait two minutes at most."""
_STARTS = CapacityLimiter(2)
"""Threads that start servers: they wait for one another in the database anyway."""


@dataclass(frozen=True)
class Standing:
    """Standing of a model's server: its place once it can be talked to, and words for those who wait."""

    model: str
    job_id: str
    place: ServerPlace | None
    words: str
    expected_at: datetime | None

    def not_yet(self, now: datetime) -> Unavailable:
        """The answer to somebody who waited long enough."""
        left = (self.expected_at - now).total_seconds() if self.expected_at is not None else _SOONEST_SECONDS
        seconds = round(min(max(left, _SOONEST_SECONDS), _LATEST_SECONDS))
        hint = "ask again: OpenAI's clients do so by themselves"
        return Unavailable(self.words, retry_after_seconds=seconds, hint=hint)


@dataclass(frozen=True)
class ModelSeeker:
    """Search of one person for a model's server, by any name of the model."""

    name: str
    user: Principal
    site: Site
    feed: Feed
    sessions: sessionmaker[Session]
    cipher: Cipher
    clock: Callable[[], datetime]

    async def standings(self) -> AsyncGenerator[Standing, None]:
        """The standing now, and again every few seconds and when the job changes; a server is started where none is.

        Raises NotFound, InvalidInput with what limits refuse, Conflict for a model that cannot be served or did not
        start, NotAuthenticated and Unavailable.
        """
        before: Standing | None = None
        while not self.feed.closing:
            self.feed.check(self.user)
            before = await self._standing(before)
            yield before
            with self.feed.bells.listen(before.job_id) as listener:
                await listener.wait(LOOK_SECONDS)
        raise Unavailable("the server stops", retry_after_seconds=_SOONEST_SECONDS)

    async def _standing(self, before: Standing | None) -> Standing:
        found = await self._find()
        if found is None and before is not None and before.place is None:
            await self.feed.reads.for_reader(("start", before.job_id), partial(_check_start, before))
        if found is None:
            await to_thread.run_sync(self._start, limiter=_STARTS)
            found = await self._find()
        if found is None:
            raise Conflict(f"the server of {self.name} ended at once", hint="ask again")
        return found

    async def _find(self) -> Standing | None:
        return await self.feed.reads.for_reader(("served", self.name, self.user.user_id), self._look)

    def _look(self, session: Session) -> Standing | None:
        around = surroundings_of(session, self.site, self.user, self.clock(), stored=False)
        ref = resolve(session, self.name, around, self.user)
        found = find_server(session, ref)
        if found is None:
            return None
        place = _place(found, self.cipher) if found.is_ready else None
        words, expected_at = _outlook(session, self.feed.queues, found.job)
        return Standing(ref.name, found.job.id, place, f"{ref.name} is not ready yet: {words}", expected_at)

    def _start(self) -> None:
        with transaction(self.sessions) as session:
            now = self.clock()
            around = surroundings_of(session, self.site, self.user, now, stored=True)
            ref = resolve(session, self.name, around, self.user)
            team = self.user.team(None)
            asker = Asker(self.user.user_id, team_id=team.id if team is not None else LAB_TEAM_ID)
            start_server(session, ref, asker, around, now)


def _place(found: FoundServer, cipher: Cipher) -> ServerPlace | None:
    server = found.server
    if server.address is None or server.port is None or found.token is None:
        return None
    key = start_key(cipher, found.token)
    return ServerPlace(found.job.id, server.cluster, server.address, server.port, key)


def _outlook(session: Session, queues: QueueBoard, job: Job) -> tuple[str, datetime | None]:
    """Words on a job that has no ready server yet, and when it is expected to start."""
    if job.status is JobStatus.RUNNING:
        return f"it is being loaded ({job.id})", None
    if job.status not in NOT_BEGUN:
        return f"{job.id} is {job.status}", None
    outlook = queues.outlooks(session, [(job.cluster, job.id)]).get(job.id)
    place = f" at place {outlook.position}" if outlook is not None and outlook.position is not None else ""
    forecast = outlook.forecast if outlook is not None else None
    if forecast is None:
        return f"{job.id} is {job.status}{place}", None
    starts_at = datetime.fromtimestamp(forecast.starts_at.expected, UTC)
    return f"{job.id} is {job.status}{place}, and expected to start at {starts_at:%Y-%m-%d %H:%M} UTC", starts_at


def _check_start(before: Standing, session: Session) -> None:
    """Raises Conflict where the server that was waited for ended before it was ready."""
    job = session.get(Job, before.job_id)
    if job is None or job.status is JobStatus.SUCCEEDED:
        return
    failure = (job.failure or {}).get("message") or job.status_reason or f"it is {job.status}"
    raise Conflict(f"{before.model} did not start ({before.job_id}): {failure}", hint="its log says more")
