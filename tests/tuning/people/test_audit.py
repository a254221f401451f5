"""The record of changes."""

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import NOON
from tuning.people.audit import Actor, AuditFilter, Change, entries, operator, record

ADA = Actor("ada", "tok_1", "192.0.2.7")


def test_an_entry_says_who_did_what_from_where_with_before_and_after(session: Session) -> None:
    record(session, ADA, Change("limit.changed", "limit", "team:mt", before={"amount": 4}, after={"amount": 8}), NOON)
    [entry] = entries(session, AuditFilter(), 10)
    assert (entry.at, entry.actor, entry.token_id, entry.address) == (NOON, "ada", "tok_1", "192.0.2.7")
    assert (entry.action, entry.subject_kind, entry.subject) == ("limit.changed", "limit", "team:mt")
    assert (entry.before, entry.after) == ({"amount": 4}, {"amount": 8})


def test_the_newest_entries_come_first_and_a_page_goes_on_behind_one(session: Session) -> None:
    for number in range(3):
        record(session, ADA, Change("job.cancel", "job", f"job_{number}"), NOON)
    first = entries(session, AuditFilter(), 2)
    rest = entries(session, AuditFilter(), 2, first[-1].id)
    assert [entry.subject for entry in (*first, *rest)] == ["job_2", "job_1", "job_0"]


def test_entries_are_found_by_actor_subject_action_and_time(session: Session) -> None:
    record(session, ADA, Change("token.created", "token", "tok_9"), NOON)
    record(session, operator(), Change("user.disabled", "user", "bob"), NOON + timedelta(hours=1))
    later = NOON + timedelta(minutes=30)
    asked = {
        "by actor": AuditFilter(actor="operator"),
        "by subject": AuditFilter(subject="bob"),
        "by action": AuditFilter(action_prefix="user."),
        "since": AuditFilter(since=later),
    }
    found = {way: [entry.action for entry in entries(session, wanted, 10)] for way, wanted in asked.items()}
    assert found == {way: ["user.disabled"] for way in asked}
    assert [entry.action for entry in entries(session, AuditFilter(until=later), 10)] == ["token.created"]


def test_an_entry_of_what_no_database_can_hold_is_kept_as_far_as_it_can_be(session: Session) -> None:
    after = {"note": "\x00" + "x" * 5000}
    record(session, Actor("ada", address="y" * 500), Change("team.made", "team", "z\x00" * 300, after=after), NOON)
    session.flush()
    [entry] = entries(session, AuditFilter(), 1)
    assert entry.address == "y" * 64
    assert entry.after == {"note": "\ufffd" + "x" * 999}
