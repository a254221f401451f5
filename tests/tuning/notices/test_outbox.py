"""The outbox as people see it: tests, lists, notices sent again."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_user, make_webhook
from tuning.errors import Conflict, InvalidInput, NotFound
from tuning.notices.models import DeliveryStatus, Webhook
from tuning.notices.outbox import deliveries_of, give_up_waiting, resend, send_test

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def hook(session: Session) -> Webhook:
    return make_webhook(session, make_user(session))


def test_a_test_is_due_at_once_even_while_the_webhook_is_paused(session: Session, hook: Webhook) -> None:
    hook.paused_until = LATER
    sent = send_test(session, hook, NOON)
    assert (sent.event, sent.job_id, sent.status, sent.next_try_at) == ("webhook.test", None, "waiting", NOON)
    assert hook.paused_until is None


def test_a_webhook_that_is_off_is_not_tested_and_sends_nothing_again(session: Session, hook: Webhook) -> None:
    sent = send_test(session, hook, NOON)
    hook.disabled_at = NOON
    with pytest.raises(Conflict, match="switched off"):
        send_test(session, hook, NOON)
    with pytest.raises(Conflict, match="switched off"):
        resend(session, hook, sent.id, NOON)


def test_deliveries_are_listed_page_by_page_newest_first(session: Session, hook: Webhook) -> None:
    ids = [send_test(session, hook, NOON).id for _ in range(5)]
    first = deliveries_of(session, hook.id, 3, None)
    rest = deliveries_of(session, hook.id, 3, first.next_cursor)
    assert [row.id for row in (*first.deliveries, *rest.deliveries)] == ids[::-1]
    assert rest.next_cursor is None


def test_a_cursor_of_another_webhook_is_refused(session: Session, hook: Webhook) -> None:
    other = make_webhook(session, make_user(session, name="bob"))
    with pytest.raises(InvalidInput, match="cursor"):
        deliveries_of(session, hook.id, 3, send_test(session, other, NOON).id)


@pytest.mark.parametrize("status", list(DeliveryStatus))
def test_a_notice_is_sent_again_under_its_old_id(session: Session, hook: Webhook, status: DeliveryStatus) -> None:
    sent = send_test(session, hook, NOON)
    sent.status, sent.next_try_at = status, LATER + timedelta(hours=1)
    session.flush()
    again = resend(session, hook, sent.id, LATER)
    assert (again.id, again.status, again.next_try_at) == (sent.id, "waiting", LATER)
    assert again.give_up_at == LATER + timedelta(days=1)


def test_a_notice_that_is_on_its_way_is_not_sent_beside(session: Session, hook: Webhook) -> None:
    sent = send_test(session, hook, NOON)
    sent.claim, sent.claimed_until = "x", NOON + timedelta(minutes=2)
    session.flush()
    with pytest.raises(Conflict, match="on its way"):
        resend(session, hook, sent.id, NOON)


def test_a_delivery_of_another_webhook_is_not_found(session: Session, hook: Webhook) -> None:
    other = make_webhook(session, make_user(session, name="bob"))
    with pytest.raises(NotFound):
        resend(session, hook, send_test(session, other, NOON).id, NOON)


def test_what_waits_is_given_up_when_its_webhook_goes_off(session: Session, hook: Webhook) -> None:
    waits, arrived = send_test(session, hook, NOON), send_test(session, hook, NOON)
    arrived.status = DeliveryStatus.DELIVERED
    session.flush()
    give_up_waiting(session, hook.id, "off")
    session.expire_all()
    assert (waits.status, waits.last_error, arrived.status) == ("given_up", "off", "delivered")
