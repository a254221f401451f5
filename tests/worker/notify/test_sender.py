"""The sender of notices, from the outbox to real receivers."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock, make_job, make_user, make_webhook
from tests.tuning.notices.standard_webhooks import unwrap
from tests.worker.notify.receivers import Receiver, hang, receiver, status
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.transition import record_event
from tuning.notices.claims import FAILING_PLACES, Claimed, Outcome, SwitchOff, record_delivered
from tuning.notices.models import Delivery, Webhook
from tuning.notices.signature import new_secret
from tuning.notices.webhooks import delete_webhook
from tuning.people.models import User
from tuning.secrets.cipher import Cipher
from tuning.settings import Settings
from worker.notify import sender as module
from worker.notify.http_sender import HttpSender
from worker.notify.mail_sender import MailSender
from worker.notify.sender import PLACES, Sender, keep_sending
from worker.notify.tries import Tries

CIPHER = Cipher(SecretStr("a key"))
MAIL = MailSender(Settings(smtp_host="mail.example.org", smtp_from="packtrain@example.org"))
HERE = (ipaddress.ip_network("127.0.0.1/32"),)
DAY = timedelta(days=1)
RULE = SwitchOff(3 * 86_400.0)


class Post:
    """A worker's sender, and the people whose notices it sends."""

    def __init__(self, sessions: sessionmaker[Session], clock: Clock) -> None:
        self.sessions, self.clock, self.stop = sessions, clock, threading.Event()
        http = HttpSender(HERE, self.stop, try_seconds=30.0)
        self.tries = Tries(http, MailSender(Settings()), CIPHER, clock)
        self.sender = self.of(self.tries.send)

    def of(self, send: Callable[[Claimed], Outcome]) -> Sender:
        return Sender(self.sessions, send, self.clock, RULE, self.stop, lambda: 0.0)

    def add(self, name: str, url: str, **columns: Any) -> str:
        """A user with a webhook and a job; the job's id."""
        with transaction(self.sessions) as session:
            user = make_user(session, name=name)
            make_webhook(session, user, url=url, **columns)
            return make_job(session, user).id

    def tell(self, job_id: str, *words: str) -> None:
        """Events of a job."""
        with transaction(self.sessions) as session:
            for word in words:
                record_event(session, job_id, f"job.{word}", word, self.clock())

    def look(self, count: int = 1) -> int:
        """Looks for what is due, each with its tries to their end; how many tries those were."""
        sent = 0
        for _ in range(count):
            with ThreadPoolExecutor(4) as pool:
                sent += self.sender.look(pool)
        return sent

    def rows(self) -> list[Delivery]:
        with self.sessions() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.number)))


@pytest.fixture
def post(sessions: sessionmaker[Session], clock: Clock) -> Post:
    return Post(sessions, clock)


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def types(told: Receiver, secret: str, clock: Clock) -> list[str]:
    return [unwrap(one.body, one.headers, secret, clock().timestamp())["type"] for one in told.got]


def test_notices_arrive_signed_in_their_order(post: Post, told: Receiver, clock: Clock) -> None:
    secret = new_secret()
    job = post.add("ada", told.url, secret=CIPHER.encrypt(secret))
    post.tell(job, "created", "queued", "running")
    assert post.look(4) == 3
    assert types(told, secret, clock) == ["job.created", "job.queued", "job.running"]
    assert [row.id for row in post.rows()] == [one.headers["webhook-id"] for one in told.got]
    assert {(row.status, row.attempts, row.last_status) for row in post.rows()} == {("delivered", 1, 204)}


def test_a_failed_notice_is_sent_again_the_same_and_before_the_next(post: Post, told: Receiver, clock: Clock) -> None:
    secret = new_secret()
    job = post.add("ada", told.url, secret=CIPHER.encrypt(secret))
    told.answers = [status(500), status(302, Location="http://elsewhere/")]
    post.tell(job, "queued", "running")
    for _ in range(4):
        post.look()
        clock.advance(60)
    assert [unwrap(one.body, one.headers, secret, clock().timestamp())["type"] for one in told.got] == [
        "job.queued",
        "job.queued",
        "job.queued",
        "job.running",
    ]
    assert len({(one.headers["webhook-id"], one.body) for one in told.got[:3]}) == 1
    assert [row.attempts for row in post.rows()] == [3, 1]


def test_nothing_is_sent_again_after_a_2xx(post: Post, told: Receiver, clock: Clock) -> None:
    post.tell(post.add("ada", told.url), "queued")
    post.look(2)
    clock.advance(2 * 86_400)
    assert post.look(2) == 0
    assert len(told.got) == 1


def test_both_secrets_sign_until_the_old_one_ends(post: Post, told: Receiver, clock: Clock) -> None:
    old, new = new_secret(), new_secret()
    job = post.add("ada", told.url, secret=CIPHER.encrypt(new), old_secret=CIPHER.encrypt(old))
    with transaction(post.sessions) as session:
        clock_then = clock()
        clock.advance(60)
        session.execute(update(Webhook).values(old_secret_until=clock()))
    clock.now = clock_then
    post.tell(job, "queued")
    post.look()
    assert types(told, old, clock) == types(told, new, clock) == ["job.queued"]
    clock.advance(60)
    post.tell(job, "running")
    post.look()
    assert len(told.got[1].headers["webhook-signature"].split(" ")) == 1


def test_chats_get_a_text_without_a_signature(post: Post, told: Receiver) -> None:
    post.tell(post.add("ada", told.url, kind="slack"), "failed")
    post.look()
    assert b'{"text":"wmt ja-en (' in told.got[0].body
    assert "webhook-signature" not in told.got[0].headers


def test_a_receiver_that_hangs_holds_up_nobody_else(post: Post, told: Receiver) -> None:
    with receiver() as stuck, ThreadPoolExecutor(4) as pool:
        stuck.answers = [hang(stuck)]
        post.tell(post.add("ada", stuck.url), "queued")
        post.sender.look(pool)
        stuck.arrived.acquire()
        post.tell(post.add("bob", told.url), "queued")
        assert post.sender.look(pool) == 1
        told.arrived.acquire()
        assert post.rows()[0].status == "waiting"
        stuck.over.set()


def test_a_try_that_the_workers_end_broke_off_counts_against_nobody(post: Post, told: Receiver) -> None:
    told.answers = [hang(told)]
    post.tell(post.add("ada", told.url), "queued")
    with ThreadPoolExecutor(4) as pool:
        post.sender.look(pool)
        told.arrived.acquire()
        post.stop.set()
    (row,) = post.rows()
    assert (row.status, row.claim, row.last_error) == ("waiting", None, None)
    with post.sessions() as session:
        assert session.scalars(select(Webhook.failures)).one() == 0


def test_what_arrived_is_written_down_when_the_database_is_back(
    post: Post, told: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, away = record_delivered, [OperationalError("UPDATE", {}, Exception("away"))] * 2

    def flaky(*given: Any) -> None:
        if away:
            raise away.pop()
        write(*given)

    monkeypatch.setattr(module, "record_delivered", flaky)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    post.tell(post.add("ada", told.url), "queued")
    post.look()
    assert [row.status for row in post.rows()] == ["delivered"]
    assert len(told.got) == 1


def test_an_error_nobody_foresaw_is_a_failed_try(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_claimed: Claimed) -> Outcome:
        raise ZeroDivisionError

    post.sender = post.of(broken)
    post.tell(post.add("ada", "https://hooks.example.org/"), "queued")
    post.look()
    (row,) = post.rows()
    assert (row.status, row.last_error) == ("waiting", "packtrain could not send it: ZeroDivisionError")
    assert "a notice was not sent" in caplog.text


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"secret": Cipher(SecretStr("another key")).encrypt("x")}, "PACKTRAIN_SECRETS_KEY"),
        ({"kind": "mail", "url": "mailto:ada@example.org"}, "PACKTRAIN_SMTP_HOST"),
    ],
)
def test_a_worker_that_lacks_a_setting_says_which(post: Post, columns: dict[str, Any], words: str) -> None:
    post.tell(post.add("ada", **{"url": "https://hooks.example.org/", **columns}), "queued")
    post.look()
    assert words in (post.rows()[0].last_error or "")


def test_a_deleted_webhook_leaves_nothing_to_send(post: Post, told: Receiver) -> None:
    post.tell(post.add("ada", told.url), "queued", "running")
    with transaction(post.sessions) as session:
        delete_webhook(session, session.scalars(select(Webhook)).one())
    assert post.look() == 0
    assert post.rows() == []
    assert told.got == []


def test_what_waits_for_a_user_who_is_switched_off_is_given_up(post: Post, told: Receiver) -> None:
    post.tell(post.add("ada", told.url), "queued")
    with transaction(post.sessions) as session:
        session.scalars(select(User)).one().disabled_at = post.clock()
    assert post.look() == 0
    assert [(row.status, row.last_error) for row in post.rows()] == [("given_up", "its owner is switched off")]
    assert told.got == []


def test_old_and_overdue_notices_are_looked_after_once_a_minute(post: Post) -> None:
    seconds = [0.0]
    post.sender = Sender(post.sessions, post.tries.send, post.clock, RULE, post.stop, lambda: seconds[0])
    job = post.add("ada", "https://hooks.example.org/", last_failure_at=post.clock(), paused_until=post.clock())
    post.tell(job, "queued")
    with transaction(post.sessions) as session:
        (row,) = session.scalars(select(Delivery))
        row.give_up_at, row.next_try_at = post.clock() - DAY, post.clock() + DAY
    post.look()
    assert [(row.status, row.last_error) for row in post.rows()] == [("given_up", "the webhook took nothing for a day")]
    post.clock.advance(31 * DAY.total_seconds())
    seconds[0] = 59.0
    post.look()
    assert len(post.rows()) == 1
    seconds[0] = 60.0
    post.look()
    assert post.rows() == []


def test_webhooks_that_failed_never_have_all_places(post: Post) -> None:
    """Half of them: what fails may take ten seconds a try."""
    may_end = threading.Event()

    def send(_claimed: Claimed) -> Outcome:
        may_end.wait(60.0)
        return Outcome(False, error="away")

    post.sender = post.of(send)
    for number in range(PLACES):
        post.tell(post.add(f"user{number}", "https://hooks.example.org/", failures=1), "queued")
    with ThreadPoolExecutor(PLACES) as pool:
        sent = [post.sender.look(pool) for _ in range(3)]
        may_end.set()
    assert sent == [FAILING_PLACES, 0, 0]


def test_mail_to_an_owner_whose_address_went_away_is_said(post: Post) -> None:
    job = post.add("ada", "mailto:", kind="mail")
    post.sender = post.of(Tries(HttpSender(HERE, post.stop), MAIL, CIPHER, post.clock).send)
    post.tell(job, "queued")
    post.look()
    assert post.rows()[0].last_error == "its owner has no address for mail any more"


def test_a_deleted_job_or_user_leaves_nothing_to_send(post: Post, told: Receiver) -> None:
    job = post.add("ada", told.url)
    post.tell(job, "queued")
    with transaction(post.sessions) as session:
        session.delete(session.get_one(Job, job))
        session.flush()
        session.delete(session.scalars(select(User)).one())
    assert post.look() == 0
    assert post.rows() == []


def test_the_thread_sends_until_it_is_told_to_stop(post: Post, told: Receiver, clock: Clock) -> None:
    settings = Settings(notice_targets="127.0.0.1/32")
    stop = threading.Event()
    post.tell(post.add("ada", told.url), "queued")
    thread = threading.Thread(target=keep_sending, args=(settings, post.sessions, CIPHER, clock, stop))
    thread.start()
    told.arrived.acquire()
    for _ in range(3000):  # what is being answered when the worker stops is sent again by the next
        if [row.status for row in post.rows()] == ["delivered"]:
            break
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert [row.status for row in post.rows()] == ["delivered"]
