"""Sender of notices: a thread of the worker's that claims what is due, and a few that send it."""

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from tuning.containment import Contained
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import transaction
from tuning.notices.claims import (
    FAILING_PLACES,
    Claimed,
    Outcome,
    Sending,
    SwitchOff,
    claim_due,
    forget_old,
    give_up_of_disabled,
    give_up_overdue,
    record_delivered,
    record_failed,
    release,
)
from tuning.secrets.cipher import Cipher
from tuning.settings import Settings
from worker.backoff import delay_seconds
from worker.notify.http_sender import HttpSender
from worker.notify.mail_sender import MailSender
from worker.notify.tries import Tries

log = logging.getLogger(__name__)

PLACES = 16
"""Tries at once."""
LOOK_SECONDS = 1.0
"""How often the outbox is looked into, when nothing is being sent: one query."""
UPKEEP_SECONDS = 60.0
_RECORD_TRIES = 5

Send = Callable[[Claimed], Outcome]


def keep_sending(
    settings: Settings,
    sessions: sessionmaker[Session],
    cipher: Cipher,
    now: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    """Send what is due until `stop` is set. An error nobody foresaw is logged, and the next look made later."""
    mail = MailSender(settings)
    tries = Tries(HttpSender(settings.notice_targets, stop), mail, cipher, now)
    rule = SwitchOff(settings.notice_patience_seconds, sends_mail=mail.sender is not None)
    sender, failures = Sender(sessions, tries.send, now, rule, stop), 0
    with ThreadPoolExecutor(PLACES, thread_name_prefix="notify") as pool:
        while not stop.is_set():
            with Contained() as look:
                sender.look(pool)
            failures = failures + 1 if look.error is not None else 0
            if look.error is not None:
                _say(look.error)
            sender.wait(delay_seconds(failures, LOOK_SECONDS, 0.5))


class Sender:
    """Tries that are on their way, and the looks for more."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        send: Send,
        now: Callable[[], datetime],
        rule: SwitchOff,
        stop: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions, self._send, self._now, self._rule = sessions, send, now, rule
        self._stop, self._monotonic = stop, monotonic
        self._lock, self._is_time = threading.Lock(), threading.Event()
        self._on_way: dict[int, Claimed] = {}
        self._kept_up_at = -UPKEEP_SECONDS

    def look(self, pool: ThreadPoolExecutor) -> int:
        """Claim what is due, as far as there are places, and let it be sent; how much that was."""
        self._keep_up()
        sending, places = self._places()
        if not places:
            return 0
        with transaction(self._sessions) as session:
            claimed = claim_due(session, sending, places, self._now())
        with self._lock:
            self._on_way |= {one.number: one for one in claimed}
        for one in claimed:
            pool.submit(self._try, one)
        if claimed:
            self._is_time.set()  # there may be more
        return len(claimed)

    def wait(self, seconds: float) -> None:
        """Wait for the next look: until a place comes free, or so long."""
        self._is_time.wait(seconds)
        self._is_time.clear()

    def _places(self) -> tuple[Sending, int]:
        with self._lock:
            on_way = list(self._on_way.values())
        failing = sum(one.failures > 0 for one in on_way)
        webhooks, users = frozenset(one.webhook_id for one in on_way), tuple(one.user_id for one in on_way)
        return Sending(webhooks, users, FAILING_PLACES - failing), PLACES - len(on_way)

    def _try(self, claimed: Claimed) -> None:
        with Contained() as attempt:
            self._record(claimed, self._outcome(claimed))
        if attempt.error is not None:
            _say(attempt.error)
        with self._lock:
            del self._on_way[claimed.number]
        self._is_time.set()

    def _outcome(self, claimed: Claimed) -> Outcome:
        with Contained() as attempt:
            return self._send(claimed)
        _say(attempt.error)
        return Outcome(False, error=f"packtrain could not send it: {type(attempt.error).__name__}")

    def _record(self, claimed: Claimed, outcome: Outcome) -> None:
        """Write a delivery down, also where the database is away for a while: it is not to be sent again."""
        jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
        now, tried = self._now(), 0
        while True:
            tried += 1
            try:
                with transaction(self._sessions) as session:
                    self._write(session, claimed, outcome, now, jitter)
            except DATABASE_TROUBLE:
                if tried == _RECORD_TRIES:
                    raise
                self._stop.wait(delay_seconds(tried, LOOK_SECONDS, jitter))
            else:
                return

    def _write(self, session: Session, claimed: Claimed, outcome: Outcome, now: datetime, jitter: float) -> None:
        if outcome.is_delivered:
            record_delivered(session, claimed, outcome.status, now)
        elif self._stop.is_set():
            release(session, claimed)
        else:
            record_failed(session, claimed, outcome, now, jitter, self._rule)

    def _keep_up(self) -> None:
        if self._monotonic() - self._kept_up_at < UPKEEP_SECONDS:
            return
        self._kept_up_at = self._monotonic()
        with transaction(self._sessions) as session:
            give_up_overdue(session, self._now())
            give_up_of_disabled(session, self._now())
            forget_old(session, self._now())


def _say(error: BaseException | None) -> None:
    """An error nobody foresaw comes with its traceback."""
    if isinstance(error, DATABASE_TROUBLE):
        log.warning("the database does not answer: %s", complaint(error), extra={"action": "notify"})
    elif error is not None:
        log.error("a notice was not sent", exc_info=error, extra={"action": "notify_failed"})
