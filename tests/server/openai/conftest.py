"""OpenAI's own client on a real server: every answer is held to its types."""

from collections.abc import Callable, Iterator

import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from server.http.stopping import StoppingServer
from tests.factories import make_token, make_user
from tuning.db.engine import transaction

ClientOf = Callable[[str], OpenAI]


@pytest.fixture
def base_url(server: StoppingServer, no_authorities: None) -> str:
    """The address of OpenAI's API on the test's server."""
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def openai(base_url: str, token: str) -> Iterator[OpenAI]:
    """The client of `user`; it repeats nothing, so that a test sees each answer."""
    with _client(base_url, token) as client:
        yield client


@pytest.fixture
def client_of(base_url: str, sessions: sessionmaker[Session]) -> Iterator[ClientOf]:
    """Clients of other users, by their names."""
    opened: list[OpenAI] = []

    def client_of(name: str) -> OpenAI:
        with transaction(sessions) as session:
            token = make_token(session, make_user(session, name=name))
        opened.append(_client(base_url, token))
        return opened[-1]

    yield client_of
    for client in opened:
        client.close()


def _client(base_url: str, token: str) -> OpenAI:
    return OpenAI(base_url=base_url, api_key=token, max_retries=0, _strict_response_validation=True)
