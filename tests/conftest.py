"""Fixtures of all tests: a database of either kind, and the API on it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import LiteralString

import hypothesis
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.queue.board import QueueBoard
from server.http.access.session_cookie import csrf_of
from server.main import create_app
from tests import made_once
from tests.factories import NOON, Clock, make_cluster_settings, make_token, make_user
from tests.postgresql import running_server
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.migrate import upgrade
from tuning.people.models import SignInWay, User
from tuning.people.scopes import Scope
from tuning.people.sessions import SignIn, begin_session
from tuning.people.tokens import authenticate
from tuning.settings import ClusterSettings, Settings

# No test is red for the time that it takes: the machine may be busy.
_PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("packtrain", _PATIENT)
hypothesis.settings.load_profile("packtrain")

# `make unit`: after each change.
hypothesis.settings.register_profile("quick", _PATIENT, max_examples=15)

made_once.share_compiled_statements()
made_once.share_command_trees()

_LONG = frozenset(
    {
        "server/http/bounds/test_connections.py",
        "server/test_file_checks.py",
        "server/test_program.py",
        "worker/test_fault_injection.py",
        "worker/test_hostile_runs.py",
    }
)
"""A third of the time of all, for a twentieth of the tests."""
_DEEP = frozenset({"server/api/test_openapi_contract.py", "server/generators/test_generated_clients.py"})
_SYSTEM_FIXTURES = frozenset({"start_sshd", "sshd", "sshd_known_hosts", "postgresql_server"})
_TEMPLATE = "packtrain_template"
_TESTS = Path(__file__).parent
_numbers = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by which `make unit` and `make test` leave tests out: by their fixtures and their files.

    The API and the worker are tried on SQLite in `make test`, on PostgreSQL in `make deep`; queries on both.
    """
    gone = [name for name in _LONG | _DEEP if not (_TESTS / name).is_file()]
    assert gone == [], f"tests/conftest.py names files that are not there: {gone}"
    for item in items:
        file = item.path.relative_to(_TESTS)
        is_postgresql = "postgresql" in getattr(getattr(item, "callspec", None), "params", {}).values()
        if is_postgresql or _SYSTEM_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("system")
        if (is_postgresql and file.parts[0] in ("server", "worker")) or str(file) in _DEEP:
            item.add_marker("deep")
        if str(file) in _LONG:
            item.add_marker("long")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a real PostgreSQL, with a migrated database to copy."""
    with running_server() as url:
        _run_sql(url, f"CREATE DATABASE {_TEMPLATE}")
        upgrade(f"{url}/{_TEMPLATE}")
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with the schema as the migrations make it: each test runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path / 'packtrain.db')}"
        return
    with fresh_postgresql_database(request.getfixturevalue("postgresql_server"), _TEMPLATE) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with fresh_postgresql_database(request.getfixturevalue("postgresql_server"), "template0") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine of the test's database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions of the test's database."""
    return open_sessions(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction, committed at the end of the test."""
    with transaction(sessions) as session:
        yield session


@pytest.fixture
def clock() -> Clock:
    """The time, which only the test moves."""
    return Clock()


@pytest.fixture
def clusters() -> dict[str, ClusterSettings]:
    """The one cluster of the tests."""
    return {"lab": make_cluster_settings()}


@pytest.fixture(scope="session")
def usual_settings() -> Settings:
    """The settings that all tests share: to read them from the environment costs as much as a short test."""
    return Settings(database_url="sqlite://", secrets_key=SecretStr("a key"), slurm_wait_seconds=0.2, rate_per_second=0)


@pytest.fixture
def settings(usual_settings: Settings, database_url: str, tmp_path: Path) -> Settings:
    """The settings of the test's server, which may be asked as often as a test likes."""
    return usual_settings.model_copy(update={"database_url": database_url, "data_dir": tmp_path / "data"})


@pytest.fixture
def app(settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock) -> FastAPI:
    """The server's app."""
    app = create_app(settings, clusters, clock=clock)
    tell_places_of_now(app, clock)
    return app


def tell_places_of_now(app: FastAPI, clock: Clock) -> None:
    """Let the app look at the queue whenever somebody asks, not once a second."""
    app.state.feed.queues = QueueBoard(clock, lambda: 0.0, holds_seconds=0.0)


@pytest.fixture
def anonymous(app: FastAPI) -> Iterator[TestClient]:
    """The API for somebody without a token; an error of the server is an answer here, not an exception."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def user(sessions: sessionmaker[Session]) -> User:
    """The user whom `client` speaks for."""
    with transaction(sessions) as session:
        return make_user(session, name="ada")


@pytest.fixture
def client(anonymous: TestClient, sessions: sessionmaker[Session], user: User) -> TestClient:
    """The API for an ordinary user."""
    return speak_for(anonymous, sessions, user)


@pytest.fixture
def administrator(anonymous: TestClient, sessions: sessionmaker[Session]) -> TestClient:
    """The API for an administrator, on the same server."""
    with transaction(sessions) as session:
        root = make_user(session, name="root", is_administrator=True)
    return speak_for(anonymous, sessions, root)


def speak_for(anonymous: TestClient, sessions: sessionmaker[Session], user: User) -> TestClient:
    """A client with a token of this user, on the server of another client."""
    with transaction(sessions) as session:
        text = make_token(session, user)
    client = TestClient(anonymous.app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {text}"})
    client.portal = anonymous.portal  # one event loop and one lifespan for all of them
    return client


@pytest.fixture
def signed_in(anonymous: TestClient, sessions: sessionmaker[Session], user: User) -> TestClient:
    """The server for the browser of an ordinary user, who is signed in."""
    return browse_as(anonymous, sessions, user)


def browse_as(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User, *, scope: Scope | None = None
) -> TestClient:
    """A browser in which this user signed in; what it changes by the API, it changes as a page's script does."""
    with transaction(sessions) as session:
        token = make_token(session, user, scope=scope)
        principal, sign_in = authenticate(session, token, NOON), SignIn(SignInWay.TOKEN, "192.0.2.1", "Chromium")
        text = begin_session(session, principal, sign_in, NOON, 3600).text
    headers = {"Accept": "text/html, */*", "X-CSRF-Token": csrf_of(text)}
    browser = TestClient(anonymous.app, raise_server_exceptions=False, headers=headers)
    browser.cookies.set("packtrain_session", text)
    browser.portal = anonymous.portal
    return browser


@contextmanager
def fresh_postgresql_database(server_url: str, template: LiteralString) -> Iterator[str]:
    """A copy of a template database, dropped at the end."""
    name = f"test_{next(_numbers)}"
    _run_sql(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield f"{server_url}/{name}"
    finally:
        _run_sql(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _run_sql(server_url: str, statement: LiteralString) -> None:
    url = server_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def no_authorities(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """For clients of plain HTTP: to read the machine's certificates takes 40 ms for each client."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("certificates")))


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are coroutines run on the event loop that the server runs on."""
    return "asyncio"
