"""Claims of deliveries: in order, by one worker each, until they arrive or are given up."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job, make_user, make_webhook
from tests.tuning.notices.payloads import make_notice
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.notices import claims
from tuning.notices.claims import (
    CLAIM_SECONDS,
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
from tuning.notices.models import Delivery, DeliveryStatus, Webhook
from tuning.notices.outbox import send_test, write_deliveries
from tuning.people.audit import AuditFilter, entries
from tuning.people.models import User

REFUSED = Outcome(False, 500, "500")
DAY = timedelta(days=1)
RULE = SwitchOff(3 * 86_400.0)


@pytest.fixture
def ada(session: Session) -> User:
    return make_user(session)


def write(session: Session, hook: Webhook, *jobs: Job, at: datetime = NOON) -> None:
    """A notice about each of these jobs, in this order."""
    write_deliveries(session, [(hook.id, make_notice(job_id=job.id)) for job in jobs], at)


def claim(session: Session, now: datetime = NOON, **sending: Any) -> list[Claimed]:
    return claim_due(session, replace(Sending(), **sending), 16, now)


def fail(session: Session, claimed: Claimed, now: datetime, rule: SwitchOff = RULE) -> None:
    record_failed(session, claimed, REFUSED, now, 0.5, rule)


def delivery(session: Session, claimed: Claimed) -> Delivery:
    return session.get_one(Delivery, claimed.number, populate_existing=True)


def test_what_is_due_is_claimed_once(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada))
    (claimed,) = claim(session)
    assert (claimed.webhook_id, claimed.user_id, claimed.url, claimed.attempts) == (hook.id, ada.id, hook.url, 1)
    assert claim(session) == []


def test_a_claim_of_a_worker_that_was_killed_runs_out(session: Session, ada: User) -> None:
    write(session, make_webhook(session, ada), make_job(session, ada))
    (first,) = claim(session)
    after = NOON + timedelta(seconds=CLAIM_SECONDS)
    (second,) = claim(session, after)
    assert (second.id, second.attempts) == (first.id, 2)
    fail(session, first, after)
    assert delivery(session, second).claim == second.claim, "the late word of the first changes nothing"


def test_of_one_job_each_notice_waits_for_the_one_before(session: Session, ada: User) -> None:
    hook, job = make_webhook(session, ada), make_job(session, ada)
    write(session, hook, job, job, job)
    sent = []
    for _ in range(3):
        (claimed,) = claim(session)
        assert claim(session) == []
        sent.append(claimed.number)
        record_delivered(session, claimed, 200, NOON)
    assert sent == sorted(sent)
    assert claim(session) == []


def test_a_failed_notice_holds_back_those_of_its_job_alone(session: Session, ada: User) -> None:
    hook, stuck, other = make_webhook(session, ada), make_job(session, ada), make_job(session, ada)
    write(session, hook, stuck, stuck, other)
    (first,) = claim(session)
    fail(session, first, NOON)
    hook.paused_until = None
    session.flush()
    (second,) = claim(session)
    assert delivery(session, second).job_id == other.id


def test_what_arrived_is_never_sent_again_whoever_has_the_claim(session: Session, ada: User) -> None:
    write(session, make_webhook(session, ada), make_job(session, ada))
    (first,) = claim(session)
    (second,) = claim(session, NOON + timedelta(seconds=CLAIM_SECONDS))
    record_delivered(session, first, 204, NOON)
    fail(session, second, NOON)
    row = delivery(session, first)
    assert (row.status, row.last_status) == ("delivered", 204)
    assert claim(session, NOON + DAY) == []


def test_one_webhook_is_sent_one_notice_at_a_time(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada), make_job(session, ada))
    (claimed,) = claim(session)
    assert claim(session, webhooks=[hook.id], users=[ada.id]) == []
    record_delivered(session, claimed, 200, NOON)
    assert len(claim(session)) == 1


def test_one_user_has_two_places_at_once(session: Session, ada: User) -> None:
    bob = make_user(session, name="bob")
    for user in (ada, ada, ada, bob):
        write(session, make_webhook(session, user), make_job(session, user))
    claimed = claim(session)
    assert sorted(one.user_id for one in claimed) == sorted([ada.id, ada.id, bob.id])
    assert claim(session, users=[ada.id, ada.id]) == []


def test_one_look_gives_webhooks_that_failed_their_part_of_the_places_alone(session: Session, ada: User) -> None:
    for number in range(4):
        user = make_user(session, name=f"user{number}")
        write(session, make_webhook(session, user, failures=1), make_job(session, user))
    write(session, make_webhook(session, ada), make_job(session, ada))
    claimed = claim(session, failing_places=2)
    assert [one.failures for one in claimed] == [1, 1, 0]


def test_webhooks_that_failed_wait_for_places_of_their_own(session: Session, ada: User) -> None:
    bob = make_user(session, name="bob")
    write(session, make_webhook(session, ada, failures=3), make_job(session, ada))
    write(session, make_webhook(session, bob), make_job(session, bob))
    assert [one.user_id for one in claim(session, failing_places=0)] == [bob.id]
    assert [one.user_id for one in claim(session)] == [ada.id]


@pytest.mark.parametrize("column", ["disabled_at", "paused_until"])
def test_nothing_goes_to_a_webhook_that_is_off_or_paused(session: Session, ada: User, column: str) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada))
    setattr(hook, column, NOON + timedelta(seconds=1))
    session.flush()
    assert claim(session) == []


def test_a_failed_try_is_put_off_and_its_webhook_paused(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada))
    (claimed,) = claim(session)
    fail(session, claimed, NOON)
    row = delivery(session, claimed)
    assert (row.status, row.last_status, row.last_error, row.claim) == ("waiting", 500, "500", None)
    assert NOON < row.next_try_at < NOON + timedelta(seconds=5)
    assert (hook.failures, hook.failing_since, hook.last_failure_at) == (1, NOON, NOON)
    assert hook.paused_until is not None


def test_a_webhook_that_answers_again_is_as_new(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada, failures=4, failing_since=NOON, last_failure_at=NOON)
    write(session, hook, make_job(session, ada))
    (claimed,) = claim(session)
    record_delivered(session, claimed, 200, NOON)
    session.refresh(hook)
    assert (hook.failures, hook.failing_since, hook.last_failure_at, hook.paused_until) == (0, None, None, None)


def test_after_a_day_a_notice_is_given_up_and_the_next_is_due(session: Session, ada: User) -> None:
    hook, job = make_webhook(session, ada), make_job(session, ada)
    write(session, hook, job)
    write(session, hook, job, at=NOON + timedelta(hours=2))
    now, seen = NOON, []
    while len(claimed := claim(session, now)) < 1 or claimed[0].give_up_at == NOON + DAY:
        for one in claimed:
            seen.append(one.id)
            fail(session, one, now)
        now += timedelta(minutes=10)
    assert len(set(seen)) == 1
    assert 10 < len(seen) < 40
    assert delivery(session, claimed[0]).id != seen[0]
    assert session.scalars(select(Delivery.status).order_by(Delivery.number)).all() == ["given_up", "waiting"]


def test_what_waits_behind_a_webhook_that_is_down_is_given_up_too(session: Session, ada: User) -> None:
    down, slow = make_webhook(session, ada), make_webhook(session, make_user(session, name="bob"))
    write(session, down, make_job(session, ada), make_job(session, ada))
    write(session, slow, make_job(session, ada))
    down.last_failure_at = NOON + DAY
    session.flush()
    give_up_overdue(session, NOON + DAY - timedelta(seconds=1))
    assert set(session.scalars(select(Delivery.status))) == {"waiting"}
    give_up_overdue(session, NOON + DAY)
    rows = session.execute(select(Delivery.webhook_id, Delivery.status)).all()
    assert sorted(rows) == sorted([(down.id, "given_up"), (down.id, "given_up"), (slow.id, "waiting")])


def test_a_webhook_that_failed_for_days_goes_off_and_its_owner_is_told(session: Session, ada: User) -> None:
    hook, other = make_webhook(session, ada), make_webhook(session, ada, kind="mail", url="mailto:ada@example.org")
    make_webhook(session, ada, job=make_job(session, ada))
    write(session, hook, *[make_job(session, ada) for _ in range(12)])
    for day in range(12):
        at = NOON + timedelta(days=day / 3)
        (claimed,) = claim(session, at)
        fail(session, claimed, at)
        if hook.disabled_at is not None:
            break
    assert hook.failures == 10
    assert hook.disabled_at == NOON + timedelta(days=3)
    assert "nothing has arrived since 2026-11-21 12:00 UTC: 500" in (hook.disabled_reason or "")
    (entry,) = entries(session, AuditFilter(subject=hook.id), 9)
    assert (entry.actor, entry.action) == ("packtrain", "webhook.switched_off")
    assert [(entry.before or {})["disabled"], (entry.after or {})["disabled"]] == [None, hook.disabled_reason]
    told = session.scalars(select(Delivery).where(Delivery.event == "webhook.disabled")).all()
    assert [(row.webhook_id, hook.id in row.payload["data"]["message"]) for row in told] == [(other.id, True)]
    left = session.scalars(select(Delivery.status).where(Delivery.webhook_id == hook.id))
    assert set(left) == {"given_up"}


def switch_off(session: Session, hook: Webhook, owner: User, *, sends_mail: bool = True) -> list[Delivery]:
    """Let a webhook fail for days; the deliveries by which people are told."""
    write(session, hook, make_job(session, owner))
    hook.failures, hook.failing_since, hook.last_failure_at = 9, NOON - 3 * DAY, NOON
    session.flush()
    (claimed,) = claim(session)
    fail(session, claimed, NOON, SwitchOff(3 * 86_400.0, sends_mail=sends_mail))
    assert hook.disabled_at == NOON
    return list(session.scalars(select(Delivery).where(Delivery.event == "webhook.disabled")))


def test_an_owner_is_told_by_mail_of_a_webhook_that_went_off(session: Session, ada: User) -> None:
    hook, ada.email = make_webhook(session, ada), "ada@example.org"
    (told,) = switch_off(session, hook, ada)
    (claimed,) = claim(session, NOON + DAY)
    assert (claimed.id, claimed.kind, claimed.url) == (told.id, "mail", "mailto:ada@example.org")
    assert f"the webhook {hook.id} (standard) was switched off" in claimed.payload["data"]["message"]
    record_delivered(session, claimed, None, NOON + DAY)
    assert claim(session, NOON + 2 * DAY) == []
    session.refresh(hook)
    assert (hook.failing_since, hook.disabled_at) == (NOON - 3 * DAY, NOON), "it is as dead as before"


def test_an_owner_is_told_once_at_one_address(session: Session, ada: User) -> None:
    hook, ada.email = make_webhook(session, ada), "ada@example.org"
    mail = make_webhook(session, ada, kind="mail", url="mailto:ada@example.org")
    assert [told.webhook_id for told in switch_off(session, hook, ada)] == [mail.id]


@pytest.mark.parametrize(("email", "sends_mail"), [(None, True), ("ada@example.org", False), ("a b@example.org", True)])
def test_nobody_is_told_by_mail_who_cannot_be(session: Session, ada: User, email: str | None, sends_mail: bool) -> None:
    hook, ada.email = make_webhook(session, ada), email
    assert switch_off(session, hook, ada, sends_mail=sends_mail) == []


def test_nothing_is_sent_for_a_user_who_is_switched_off(session: Session, ada: User) -> None:
    lead = make_user(session, name="lead")
    own, team = make_webhook(session, ada), make_webhook(session, ada, team_id=ada.default_team_id)
    others = make_webhook(session, lead)
    for hook in (own, team, others):
        write(session, hook, make_job(session, ada))
    ada.disabled_at = NOON
    session.flush()
    assert {claimed.webhook_id for claimed in claim(session)} == {team.id, others.id}
    give_up_of_disabled(session, NOON)
    rows = session.execute(select(Delivery.webhook_id, Delivery.status, Delivery.last_error)).all()
    given_up = [tuple(row) for row in rows if row.status == "given_up"]
    assert given_up == [(own.id, "given_up", "its owner is switched off")]


def test_what_is_on_its_way_for_a_user_who_goes_is_not_cut_off(session: Session, ada: User) -> None:
    write(session, make_webhook(session, ada), make_job(session, ada))
    (claimed,) = claim(session)
    ada.disabled_at = NOON
    session.flush()
    give_up_of_disabled(session, NOON)
    record_delivered(session, claimed, 200, NOON)
    assert delivery(session, claimed).status == "delivered"


def test_a_clock_that_jumps_switches_nothing_off(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada), make_job(session, ada))
    for at in (NOON, NOON + timedelta(days=300)):
        (claimed,) = claim(session, at)
        fail(session, claimed, at)
    assert hook.disabled_at is None


def test_a_try_that_the_workers_end_broke_off_is_no_failure(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    write(session, hook, make_job(session, ada))
    (claimed,) = claim(session)
    release(session, claimed)
    assert hook.failures == 0
    assert len(claim(session)) == 1


def test_old_deliveries_are_forgotten_and_waiting_ones_kept(session: Session, ada: User) -> None:
    hook = make_webhook(session, ada)
    over, waits, young = (send_test(session, hook, NOON + timedelta(days=day)) for day in (0, 0, 2))
    for row in (over, young):
        row.status = DeliveryStatus.DELIVERED
    session.flush()
    assert forget_old(session, NOON + timedelta(days=31)) == 1
    assert set(session.scalars(select(Delivery.id))) == {waits.id, young.id}


def test_old_deliveries_are_forgotten_a_bounded_number_at_once(
    session: Session, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_FORGOTTEN_AT_ONCE", 2)
    hook = make_webhook(session, ada)
    for _ in range(3):
        send_test(session, hook, NOON).status = DeliveryStatus.DELIVERED
    session.flush()
    assert [forget_old(session, NOON + timedelta(days=31)) for _ in range(3)] == [2, 1, 0]


def test_two_workers_never_claim_the_same(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for name in ("ada", "bob", "cyd"):
            user = make_user(session, name=name)
            write(session, make_webhook(session, user), make_job(session, user))
    with transaction(sessions) as one, ExitStack() as ends:
        claimed = claim_due(one, Sending(), 2, NOON)
        assert len(claimed) == 2
        if one.get_bind().dialect.name == "postgresql":  # SQLite has one writer: there the second waits for the first
            claimed += claim_due(ends.enter_context(transaction(sessions)), Sending(), 16, NOON)
    with transaction(sessions) as session:
        claimed += claim_due(session, Sending(), 16, NOON)
    assert len({one.id for one in claimed}) == len(claimed) == 3
