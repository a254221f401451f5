"""Browsers of a lab: a lead and a member of the team mt, a stranger of the team rl, a viewer, an administrator."""

from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import browse_as
from tests.factories import NOON, make_team, make_user
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.people.roles import Role
from tuning.usage.models import UsageDay


@pytest.fixture
def users(sessions: sessionmaker[Session]) -> Mapping[str, User]:
    """The people by name; lea and ray used GPUs today."""
    with transaction(sessions) as session:
        found = {name: make_user(session, name=name) for name in ("lea", "mia", "ray", "vic")}
        found["root"] = make_user(session, name="root", is_administrator=True)
        found["vic"].role = Role.VIEWER
        make_team(session, "mt", found["mia"], leads=(found["lea"],), shares=1)
        make_team(session, "rl", found["ray"], shares=2)
        for name, hours in (("lea", 30), ("ray", 10)):
            place = {"user_id": found[name].id, "team_id": found[name].default_team_id, "cluster": "lab"}
            session.add(UsageDay(**place, day=NOON.date(), gpu_seconds=hours * 3600, jobs=1))
    return found


@pytest.fixture
def browsers(
    anonymous: TestClient, sessions: sessionmaker[Session], users: Mapping[str, User]
) -> Mapping[str, TestClient]:
    """A browser for each of them, by name."""
    return {name: browse_as(anonymous, sessions, user) for name, user in users.items()}
