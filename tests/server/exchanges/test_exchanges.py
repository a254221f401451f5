"""Today's server answers as the one whose answers were recorded (answers.json); it may say more, and never less.

To record anew, after a change of the API that is meant: RECORD_EXCHANGES=yes pytest tests/server/exchanges
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import Clock, make_user
from tests.server.exchanges.scenario import Clients, play, seed
from tuning.db.engine import transaction
from tuning.people.models import User

FILE = Path(__file__).with_name("answers.json")


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'packtrain.db')}"


@pytest.fixture
def clients(
    client: TestClient, anonymous: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> Clients:
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
    return {"ada": client, "nobody": anonymous, "root": administrator, "bob": speak_for(anonymous, sessions, bob)}


@pytest.fixture
def tick(anonymous: TestClient, app: FastAPI, clock: Clock) -> Callable[[], None]:
    """A second goes by, and the server's feed looks at the database."""

    def tick() -> None:
        assert anonymous.portal is not None
        clock.advance(1)
        anonymous.portal.call(app.state.feed.tick)

    return tick


def test_answers_are_those_that_were_recorded(
    clients: Clients, sessions: sessionmaker[Session], user: User, tick: Callable[[], None]
) -> None:
    with transaction(sessions) as session:
        old_job = seed(session, user)
    found = play(clients, old_job, tick)
    if os.environ.get("RECORD_EXCHANGES") == "yes":
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    assert [exchange["request"] for exchange in found] == [exchange["request"] for exchange in recorded]
    missing = {
        exchange["request"]: difference
        for exchange, other in zip(recorded, found, strict=True)
        if (difference := _missing(exchange, other))
    }
    assert missing == {}


def _missing(recorded: Any, found: Any, place: str = "") -> list[str]:
    """Where an answer lacks or changes what was recorded."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        lost = [f"{place}.{key} is gone" for key in recorded if key not in found]
        return lost + [
            difference
            for key, value in recorded.items()
            if key in found
            for difference in _missing(value, found[key], f"{place}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        pairs = enumerate(zip(recorded, found, strict=True))
        return [line for number, (a, b) in pairs for line in _missing(a, b, f"{place}[{number}]")]
    return [] if recorded == found else [f"{place}: {recorded!r} is {found!r}"]
