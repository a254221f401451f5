"""Rates of requests: over HTTP, on every route."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.dependencies import API
from server.http.bounds.admission import Admission
from tests.factories import Seconds
from tests.statements import counted_statements
from tuning.errors import TooManyRequests
from tuning.jobs.models import Job

ME = "/api/v1/me"


@pytest.fixture
def limit(app: FastAPI, seconds: Seconds) -> Callable[[float, int], None]:
    """Give the server another limit, on the test's clock."""

    def limit(per_second: float, burst: int) -> None:
        app.state.admission = Admission(per_second, burst, seconds)

    return limit


def wrong(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer pt_wrong{number}"}


def test_whoever_asks_too_often_is_told_when_to_come_back(
    client: TestClient, limit: Callable[[float, int], None], seconds: Seconds
) -> None:
    limit(0.25, 3)
    assert [client.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get(ME)
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/problem+json", "4")
    assert answer.json()["detail"] == "you ask too often"
    seconds.now += 4
    assert [client.get(ME).status_code for _ in range(2)] == [200, 429]


def test_every_route_counts(
    client: TestClient, app: FastAPI, limit: Callable[[float, int], None], running_job: Job
) -> None:
    limit(0.001, 1)
    assert client.get(ME).status_code == 200
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            assert ("429" in operation["responses"]) == path.startswith(API), (method, path)
            if path.startswith(API):
                url = path.replace("{job_id}", running_job.id)
                assert client.request(method, url).status_code == 429, (method, path)


def test_polls_from_memory_count_too(
    client: TestClient, limit: Callable[[float, int], None], running_job: Job, seconds: Seconds
) -> None:
    path = f"/api/v1/jobs/{running_job.id}/progress"
    limit(1, 4)
    assert [client.get(path).status_code for _ in range(6)] == [200, 200, 200, 200, 429, 429]
    seconds.now += 2
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]


def test_more_tokens_of_one_person_are_not_more_requests(
    client: TestClient, limit: Callable[[float, int], None], running_job: Job
) -> None:
    text = client.post("/api/v1/tokens", json={"name": "second"}).json()["token"]
    second = {"Authorization": f"Bearer {text}"}
    limit(1, 4)
    statuses = [client.get(ME, headers=headers).status_code for _ in range(3) for headers in (None, second)]
    assert statuses == [200] * 4 + [429] * 2
    path = f"/api/v1/jobs/{running_job.id}/progress"
    assert [client.get(path).status_code, client.get(path, headers=second).status_code] == [429, 429]


def test_people_do_not_share_and_one_who_is_refused_costs_no_query(
    client: TestClient, administrator: TestClient, app: FastAPI, limit: Callable[[float, int], None]
) -> None:
    limit(1, 1)
    assert [client.get(ME).status_code, client.get(ME).status_code] == [200, 429]
    assert administrator.get(ME).status_code == 200
    with counted_statements(app) as statements:
        assert client.get(ME).status_code == 429
    assert [statement for statement in statements if "sha256 =" in statement] == []


@pytest.mark.parametrize("path", [ME, "/api/v1/jobs/job_00000000000000000000/events"])
def test_guessing_is_slow_and_who_is_known_does_not_notice(
    client: TestClient,
    administrator: TestClient,
    anonymous: TestClient,
    limit: Callable[[float, int], None],
    seconds: Seconds,
    path: str,
) -> None:
    limit(100, 100)
    assert client.get(ME).status_code == 200
    statuses = [anonymous.get(path, headers=wrong(number)).status_code for number in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    assert client.get(ME).status_code == 200
    assert administrator.get(ME).status_code == 429  # a good token, and not known yet: not even looked up
    seconds.now += 1
    assert administrator.get(ME).status_code == 200
    assert [anonymous.get(path, headers=wrong(40 + number)).status_code for number in range(2)] == [401, 429]


def test_the_same_wrong_token_again_is_no_guess_but_not_for_ever_free(
    client: TestClient, anonymous: TestClient, limit: Callable[[float, int], None], seconds: Seconds
) -> None:
    limit(100, 100)
    statuses = [anonymous.get(ME, headers=wrong(1)).status_code for _ in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    assert client.get(ME).status_code == 200, "the same address, and not known yet"
    seconds.now += 1
    assert [anonymous.get(ME, headers=wrong(1)).status_code for _ in range(2)] == [401, 429]


def test_a_token_that_was_wrong_may_become_right(seconds: Seconds) -> None:
    admission = Admission(1, 5, seconds)
    admission.refused("a", "192.0.2.1")
    admission.admit("a", "192.0.2.1")
    admission.found("a", "user_a")
    for _ in range(4):
        admission.admit("a", "192.0.2.1")
    with pytest.raises(TooManyRequests, match="too often"):
        admission.admit("a", "192.0.2.1")


def test_no_token_is_no_guess(anonymous: TestClient, limit: Callable[[float, int], None]) -> None:
    limit(100, 100)
    assert {anonymous.get(ME).status_code for _ in range(50)} == {401}


def test_zero_is_no_limit(client: TestClient, anonymous: TestClient, limit: Callable[[float, int], None]) -> None:
    limit(0, 1)
    assert {client.get(ME).status_code for _ in range(20)} == {200}
    assert {anonymous.get(ME, headers=wrong(number)).status_code for number in range(40)} == {401}


def test_addresses_do_not_share(seconds: Seconds) -> None:
    admission = Admission(1, 1, seconds)
    for number in range(30):
        admission.refused(f"wrong{number}", "192.0.2.1")
    admission.admit("a", "192.0.2.2")
    with pytest.raises(TooManyRequests):
        admission.admit("a", "192.0.2.1")


def test_a_health_check_needs_no_room(client: TestClient, limit: Callable[[float, int], None]) -> None:
    limit(1, 1)
    client.get(ME)
    assert {client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics") * 2} == {200}
