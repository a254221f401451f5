"""Answers tell how often one may still ask."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.http.bounds.admission import Admission
from server.http.bounds.rate_headers import HEADERS
from tests.factories import Seconds
from tuning.jobs.models import Job

ME = "/api/v1/me"


@pytest.fixture
def limit(app: FastAPI, seconds: Seconds) -> Callable[[float, int], None]:
    """Give the server another limit, on the test's clock."""

    def limit(per_second: float, burst: int) -> None:
        app.state.admission = Admission(per_second, burst, seconds)

    return limit


def told(client: TestClient, url: str = ME) -> tuple[int, list[str]]:
    answer = client.get(url)
    return answer.status_code, [answer.headers.get(name, "-") for name in HEADERS]


def test_what_is_left_is_told_and_comes_back(
    client: TestClient, limit: Callable[[float, int], None], seconds: Seconds
) -> None:
    limit(0.5, 3)
    assert told(client) == (200, ["3", "2", "2", "1;w=2"])
    assert told(client) == (200, ["3", "1", "4", "1;w=2"])
    seconds.now += 2
    assert told(client) == (200, ["3", "1", "4", "1;w=2"])


def test_a_refusal_tells_it_too(client: TestClient, limit: Callable[[float, int], None]) -> None:
    limit(2.0, 1)
    client.get(ME)
    assert told(client) == (429, ["1", "0", "1", "2;w=1"])


def test_so_does_a_poll_from_memory(client: TestClient, limit: Callable[[float, int], None], running_job: Job) -> None:
    url = f"/api/v1/jobs/{running_job.id}/progress"
    client.get(url)
    limit(0.5, 10)
    client.get(ME)
    assert told(client, url) == (200, ["10", "8", "4", "1;w=2"])


@pytest.mark.parametrize("url", ["/healthz", "/version", "/openapi.json"])
def test_what_is_not_limited_tells_nothing(client: TestClient, url: str) -> None:
    assert told(client, url) == (200, ["-"] * len(HEADERS))


def test_without_a_limit_nothing_is_told(client: TestClient, limit: Callable[[float, int], None]) -> None:
    limit(0, 1)
    assert told(client) == (200, ["-"] * len(HEADERS))


def test_a_wrong_token_is_told_nothing(client: TestClient) -> None:
    answer = client.get(ME, headers={"Authorization": "Bearer pt_wrong"})
    assert answer.status_code == 401
    assert not {name.lower() for name in HEADERS} & set(answer.headers)


def test_the_headers_are_declared_where_they_come(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                is_told = path.startswith("/api/v1/") and (status[0] == "2" or status in ("304", "429"))
                assert (HEADERS.keys() <= answer.get("headers", {}).keys()) == is_told, (path, status)
