"""People of a lab: a lead and a member of the team mt, a stranger of the team rl, a viewer."""

from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import make_team, make_user
from tuning.db.engine import transaction
from tuning.people.roles import Role


@pytest.fixture
def people(
    anonymous: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> Mapping[str, TestClient]:
    """The API for each of them, by name; `root` is the administrator."""
    with transaction(sessions) as session:
        users = {name: make_user(session, name=name) for name in ("lea", "mia", "ray", "vic")}
        users["vic"].role = Role.VIEWER
        make_team(session, "mt", users["mia"], leads=(users["lea"],))
        make_team(session, "rl", users["ray"])
    clients = {name: speak_for(anonymous, sessions, user) for name, user in users.items()}
    return {**clients, "root": administrator}
