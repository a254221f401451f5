"""Sight of others' data, and lists of users and teams."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_team, make_token, make_user
from tuning.datasets.models import Dataset
from tuning.datasets.repository import find, ids_by_name, lock_usable, page
from tuning.errors import Conflict
from tuning.people.directory import lock_administrators, owner_is_seen, users_page
from tuning.people.models import LAB_TEAM_ID, Membership, User
from tuning.people.roles import Visibility
from tuning.people.tokens import authenticate
from tuning.people.users import require_another_administrator

SEEN = {
    Visibility.EVERYBODY: {"ada", "bob", "eve", "root"},
    Visibility.TEAM: {"ada", "bob", "root"},
    Visibility.OWN: {"ada", "root"},  # bob leads nothing
}


@pytest.mark.parametrize("visible", SEEN)
def test_data_are_seen_by_those_who_see_its_owners_jobs(session: Session, visible: Visibility) -> None:
    readers = {name: make_user(session, name=name) for name in ("ada", "bob", "eve")}
    readers["root"] = make_user(session, name="root", is_administrator=True)
    make_team(session, "mt", readers["bob"], leads=(readers["ada"],))
    _leave_lab(session, *readers.values())
    dataset = make_dataset(session, readers["ada"])
    theirs = make_dataset(session, readers["bob"])
    for name, user in readers.items():
        reader = authenticate(session, make_token(session, user), NOON, visible)
        seen = owner_is_seen(reader, Dataset.owner_id)
        expected = {dataset.id} if name in SEEN[visible] else set()
        found = {row.id for row in page(session, 10, None, seen)} - {theirs.id}
        assert [found, set(lock_usable(session, [dataset.id], seen))] == [expected] * 2, name
        assert (find(session, dataset.id, seen) is not None) == bool(expected), name
    bob = authenticate(session, make_token(session, readers["bob"]), NOON, Visibility.OWN)
    assert ids_by_name(session, ["chats"], "user_x", owner_is_seen(bob, Dataset.owner_id)) == {"chats": theirs.id}
    ada = authenticate(session, make_token(session, readers["ada"]), NOON, Visibility.OWN)
    assert find(session, theirs.id, owner_is_seen(ada, Dataset.owner_id)) is theirs, "a lead sees the team's"


def _leave_lab(session: Session, *users: User) -> None:
    for user in users:
        session.delete(session.get_one(Membership, (LAB_TEAM_ID, user.id)))
    session.flush()


def test_administrators_who_are_switched_off_do_not_count(session: Session) -> None:
    make_user(session, name="ada")
    root, _ = (make_user(session, name=name, is_administrator=True) for name in ("root", "off"))
    session.scalars(select(User).where(User.name == "off")).one().disabled_at = NOON
    session.flush()
    assert [user.name for user in lock_administrators(session)] == ["root"]
    with pytest.raises(Conflict, match="root is the last administrator"):
        require_another_administrator(session, root)


def test_users_are_listed_by_name_behind_a_name(session: Session) -> None:
    for name in ("bob", "ada", "eve"):
        make_user(session, name=name)
    assert [user.name for user in users_page(session, 2, None)] == ["ada", "bob"]
    assert [user.name for user in users_page(session, 2, "bob")] == ["eve"]
