"""One task asks the database once a tick for all readers of progress, events and logs; memory answers them.

What memory does not hold is read through; what was not confirmed for a minute is read again. While the database does
not answer, what is held is served for ten seconds more, and then nobody is told anything but that (503).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from server.clusters.worker_watch import WorkerWatch
from server.feed.events import FramedEvent, RecentEvents, framed
from server.feed.progress import ProgressEntry
from server.feed.progress_board import Board
from server.feed.queue.board import QueueBoard
from server.feed.reads import DatabaseReads
from server.feed.tick import Answer, Question, ReadEvents, ask, read_events
from server.feed.tokens import TokensInUse
from server.feed.troubles import STEPS as FEED_STEPS
from server.feed.troubles import FeedTroubles, write_notes
from server.feed.wakeups import EVERYTHING, Bells
from tuning.clusters.attendance import Absence, WorkerSign
from tuning.containment import Contained
from tuning.errors import NotAuthenticated, NotFound, Unavailable
from tuning.jobs.output.logs import LogFile
from tuning.jobs.queries import feed
from tuning.jobs.queries.feed import EventRow, JobState
from tuning.jobs.status import AWAITS_WORKER, NOT_BEGUN
from tuning.jobs.troubles import Step, forget_everywhere
from tuning.people.roles import Visibility
from tuning.people.tokens import Principal, authenticate, token_sha256

_ANSWERS_HOLD_SECONDS = 10.0
"""Time for which memory may answer after the last tick that the database answered."""
_ENTRY_HOLDS_SECONDS = 60.0
"""After so long an entry is read again: a job may have been deleted."""
SLOWEST_RETRY_SECONDS = 5.0
_PAGE_OF_EVENTS = 500
_LOGS = "/logs"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventsPage:
    """Some events, and up to which id there are no others."""

    events: Sequence[FramedEvent]
    complete_to: int


class Feed:
    """Cache of the answers that many readers poll. All methods belong to the event loop that `running` was entered in.

    Reading raises NotFound for a job that is not there, and Unavailable where the database is needed and away.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        interval_seconds: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        workers: WorkerWatch | None = None,
        visible: Visibility = Visibility.EVERYBODY,
        queues: QueueBoard | None = None,
    ) -> None:
        """`workers` is told what each tick sees of the clusters' workers, and tells which are absent.

        `visible`: jobs of others that members see.
        """
        self._visible = visible
        self.workers = workers or WorkerWatch({}, 0.0, now)
        self._absent: dict[str, Absence] = {}
        self.queues = queues or QueueBoard(now, monotonic)
        self.reads = DatabaseReads(sessions)
        self.bells = Bells()
        self.tokens = TokensInUse(monotonic)
        self.events = RecentEvents()
        self.board = Board()
        self.troubles = FeedTroubles(monotonic)
        self._interval_seconds = interval_seconds
        self._now = now
        self._monotonic = monotonic
        self._newest: datetime | None = None
        self._answered_at: float | None = None
        self._log_positions: dict[LogFile, int] = {}
        self.closing = False

    @property
    def is_fresh(self) -> bool:
        """Whether memory may answer; also what readiness asks."""
        return self._answered_at is not None and self._monotonic() - self._answered_at <= _ANSWERS_HOLD_SECONDS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tick until the block ends. The first tick is over when it begins, whether the database answered or not."""
        await self._forget_earlier_troubles()
        delay = await self._try_to_tick(self._interval_seconds)
        task = asyncio.create_task(self._tick_forever(delay), name="feed")
        task.add_done_callback(_tell_of_a_failure)
        try:
            yield
        finally:
            self.end_waits()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.to_thread(self.reads.close)

    def end_waits(self) -> None:
        """The server stops: every wait and stream ends now. To be called before the server waits for its requests."""
        self.closing = True
        self.bells.ring_at_once()

    async def tick(self) -> None:
        """Ask once and wake whom it concerns. Raises Unavailable."""
        question = self._question()
        answer = await self.reads.for_tick(lambda session: ask(session, question, self.queues))
        if self._newest is None:
            self.events.begin(answer.newest_event)
        self._newest = answer.newest
        self._answered_at = self._monotonic()
        subjects = self._take_in(answer) | self._take_in_workers(answer.worker_signs)
        self.reads.end_sharing()
        has_ended = self.tokens.keep(question.tokens, answer.valid_tokens)
        if self.tokens.renew(answer.principals) or has_ended:
            subjects |= self.bells.subjects()  # whom that concerns is among them, and notices it
        await self.bells.ring(subjects)
        await self._note_troubles()

    def entry_in_memory(self, job_id: str) -> ProgressEntry | None:
        """A job's progress, if it can be told without asking anybody."""
        entry = self.board.get(job_id)
        if entry is None or not self.is_fresh or self._monotonic() - entry.read_at > _ENTRY_HOLDS_SECONDS:
            return None
        return self._attended(entry)

    async def entry(self, job_id: str) -> ProgressEntry:
        """A job's progress. Raises NotFound, Unavailable."""
        return self.entry_in_memory(job_id) or await self._read_entry(job_id)

    async def seen_entry(self, reader: Principal, job_id: str) -> ProgressEntry:
        """A job's progress for a reader. Raises NotFound also where they may not see it, Unavailable."""
        return self.seen_by(reader, await self.entry(job_id))

    def seen_by(self, reader: Principal, entry: ProgressEntry) -> ProgressEntry:
        """An entry, for a reader who may see it now. Raises NotFound."""
        if not may_see(self.tokens.latest(reader), entry.state):
            raise NotFound(f"there is no job {entry.state.id}")
        return entry

    async def wait_for_change(
        self, job_id: str, is_known: Callable[[ProgressEntry], bool], seconds: float
    ) -> ProgressEntry:
        """A job's progress as soon as it is not what the reader knows, or as it is after this time."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        with self.bells.listen(job_id) as listener:
            entry = await self.entry(job_id)
            unattended_since = entry.unattended_since
            while (
                is_known(entry)
                and entry.unattended_since == unattended_since
                and not self.closing
                and (left := deadline - clock()) > 0
            ):
                await listener.wait(left)
                entry = await self.entry(job_id)
        return entry

    async def events_after(self, event_id: int, job_id: str | None) -> EventsPage:
        """The next events after this one, of a job or of all: maybe not up to the newest yet, but without a hole."""
        newest = self.events.newest
        found = self.events.after(event_id, job_id)
        if found is not None:
            return EventsPage(found, max(event_id, newest, *(event.id for event in found[-1:])))
        # `newest` as the read began: all up to it is there to be read, of what came later only the rows tell
        page, newest = await self.reads.for_reader(
            ("events", event_id, job_id),
            lambda session: (read_events(session, event_id, _PAGE_OF_EVENTS, job_id), newest),
        )
        is_full = len(page.rows) + len(page.failed) == _PAGE_OF_EVENTS
        return EventsPage(self._framed(page), page.last_id if is_full else max(event_id, newest, page.last_id))

    def principal_in_memory(self, sha256: str) -> Principal | None:
        """Principal of a token, if that can be told without asking. Raises NotAuthenticated for one just refused."""
        return self.tokens.principal(sha256) if self.is_fresh else None

    async def principal(self, token: str) -> Principal:
        """Principal of a token. Raises NotAuthenticated."""
        sha256 = token_sha256(token)
        found = self.principal_in_memory(sha256)
        if found is not None:
            return found
        now = self._now()
        try:
            found = await self.reads.for_reader(
                ("token", sha256), lambda session: authenticate(session, token, now, self._visible)
            )
        except NotAuthenticated:
            self.tokens.refuse(sha256)
            raise
        self.tokens.accept(sha256, found)
        return found

    def check(self, principal: Principal) -> None:
        """After a wait: the token may have been revoked meanwhile. Raises NotAuthenticated."""
        if not self.tokens.holds(principal):
            raise NotAuthenticated("this token was revoked, or it expired")

    def _question(self) -> Question:
        subjects = self.bells.subjects()
        return Question(
            now=self._now(),
            newest=self._newest,
            versions=dict.fromkeys(subjects, 0) | self.board.versions(),
            all_jobs=EVERYTHING in subjects,
            waiting=self.board.waiting(),
            after_event=self.events.newest,
            logs_of=[subject.removesuffix(_LOGS) for subject in subjects if subject.endswith(_LOGS)],
            tokens=self.tokens.versions(),
            visible=self._visible,
            clusters=self.workers.clusters,
            held={step: self.troubles.held(step) for step in FEED_STEPS},
        )

    def _framed(self, page: ReadEvents) -> list[FramedEvent]:
        for failed in page.failed:
            self.troubles.failed(failed)
        found: list[FramedEvent] = []
        for row in page.rows:
            with self.troubles.contained(Step.FEED_EVENTS, row.job_id):
                found.append(framed(row))
        return found

    async def _note_troubles(self) -> None:
        notes = self.troubles.take_notes()
        if notes is None:
            return
        now = self._now()
        with Contained() as attempt:
            await self.reads.for_tick(lambda session: write_notes(session, notes, now))
        if attempt.error is not None:
            _log.error("what the feed failed at cannot be noted", exc_info=attempt.error, extra={"action": "feed"})

    def _take_in(self, answer: Answer) -> set[str]:
        """Keep what the database said; the subjects that changed. What fails at one job stays with it."""
        read_at, each, subjects = self._monotonic(), self.troubles.each, set[str]()
        looked_at: dict[LogFile, int] = {}

        def put(state: JobState) -> None:
            entry = ProgressEntry(state, answer.outlooks.get(state.id), read_at)
            if self.board.put(entry.unattended(self._unattended_since(state))):
                subjects.update((state.id, EVERYTHING))

        def move(job_id: str) -> None:
            subjects.update(self.board.move([job_id], answer.outlooks, read_at))

        def add(event: EventRow) -> None:
            if event.id > self.events.newest:
                self.events.add([event])
            subjects.update((event.job_id, EVERYTHING))

        def look_at(log: LogFile) -> None:
            if self._log_positions.get(log) != answer.log_positions[log]:
                subjects.add(logs_subject(log[0]))
            looked_at[log] = answer.log_positions[log]

        for failed in answer.failed:
            self.troubles.failed(failed)
        for state in answer.states:
            self.troubles.succeeded(Step.FEED_TICK, state.id)
        each(Step.FEED_PROGRESS, answer.states, lambda state: state.id, put)
        each(Step.FEED_BOARD, answer.queue_asked, str, move)
        each(Step.FEED_EVENTS, answer.events, lambda event: event.job_id, add)
        self.events.pass_over(answer.newest_event)
        each(Step.FEED_LOGS, answer.log_positions, lambda log: log[0], look_at)
        self._log_positions = looked_at
        return subjects

    def _take_in_workers(self, signs: Sequence[WorkerSign]) -> set[str]:
        """The subjects whose worker has gone, or come back; whoever follows them hears of it."""
        for sign in signs:
            self.workers.see(sign)
        absent, before = self.workers.absences(), self._absent
        self._absent = absent
        changed = {name for name in absent.keys() | before.keys() if absent.get(name) != before.get(name)}
        subjects: set[str] = set()
        for entry in self.board.on_clusters(changed) if changed else ():
            if self.board.put(entry.unattended(self._unattended_since(entry.state))):
                subjects.update((entry.state.id, EVERYTHING))
        return subjects

    def _attended(self, entry: ProgressEntry) -> ProgressEntry:
        """An entry as it is at this moment: a worker is judged when somebody reads, not when it last wrote."""
        found = entry.unattended(self._unattended_since(entry.state))
        if found is not entry:
            self.board.put(found)
        return found

    def _unattended_since(self, state: JobState) -> datetime | None:
        absence = self.workers.absence(state.cluster) if state.status in AWAITS_WORKER else None
        return absence.since if absence is not None else None

    async def _read_entry(self, job_id: str) -> ProgressEntry:
        asked_at = self._monotonic()
        entry = await self.reads.for_reader(("job", job_id), lambda session: self._entry_of(session, job_id, asked_at))
        entry = entry.unattended(self._unattended_since(entry.state))
        if self.board.put(entry):
            self.reads.end_sharing()
            await self.bells.ring({job_id, EVERYTHING})
        return entry

    def _entry_of(self, session: Session, job_id: str, asked_at: float) -> ProgressEntry:
        found = feed.job_states(session, [job_id])
        if not found:
            raise NotFound(f"there is no job {job_id}")
        state = found[0]
        if state.status not in NOT_BEGUN:
            return ProgressEntry(state, None, asked_at)
        return ProgressEntry(state, self.queues.outlooks(session, [(state.cluster, job_id)]).get(job_id), asked_at)

    async def _forget_earlier_troubles(self) -> None:
        """Of those nothing is held in memory any more."""
        with Contained(), suppress(Unavailable):
            await self.reads.for_tick(lambda session: forget_everywhere(session, FEED_STEPS))

    async def _tick_forever(self, delay: float) -> None:
        while True:
            await asyncio.sleep(delay)
            delay = await self._try_to_tick(delay)

    async def _try_to_tick(self, delay: float) -> float:
        """Tick; the seconds until the next time, more and more of them while that fails."""
        was_fresh = self.is_fresh
        with Contained() as attempt:
            await self.tick()
        if attempt.error is None:
            return self._interval_seconds
        if not isinstance(attempt.error, Unavailable):
            _log.error("a tick of the feed failed", exc_info=attempt.error, extra={"action": "feed"})
        elif was_fresh or self._answered_at is None:
            reason = str(attempt.error.__cause__)
            _log.warning("the feed's database does not answer", extra={"action": "feed", "reason": reason})
        return min(delay * 2, SLOWEST_RETRY_SECONDS)


def may_see(reader: Principal, job: JobState | FramedEvent) -> bool:
    """Whether a reader may see a job, or an event of one."""
    return reader.may_see(job.owner_id, job.team_id)


def logs_subject(job_id: str) -> str:
    """The subject that followers of a job's logs listen to."""
    return f"{job_id}{_LOGS}"


def _tell_of_a_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the feed has stopped; every answer is read from the database now", exc_info=task.exception())
