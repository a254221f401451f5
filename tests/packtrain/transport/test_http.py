from collections.abc import Iterator

import httpx
import pytest

from packtrain.connection import Connection
from packtrain.errors import ApiError, ServerUnreachable
from packtrain.transport.call import Call, Upload
from packtrain.transport.http import Http

HERE = Connection("http://lab", "pt_secret", "the environment")


class Line:
    """A server in memory: answers (or breaks) in order; keeps what was asked and how long was waited."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.http = Http(HERE, transport=httpx.MockTransport(self._answer), sleep=self.pauses.append)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _ok() -> httpx.Response:
    return httpx.Response(200, json={"fine": True})


BROKEN = httpx.ConnectError("Connection refused")


@pytest.mark.parametrize("trouble", [BROKEN, httpx.ReadTimeout("slow"), httpx.Response(500), httpx.Response(503)])
def test_a_get_is_asked_again_when_nobody_answers(trouble: httpx.Response | Exception) -> None:
    line = Line(trouble, trouble, _ok())
    assert line.http.send(Call("GET", "jobs")) == {"fine": True}
    assert line.pauses == [0.5, 1.0]


def test_a_clusters_lasting_trouble_is_told_at_once() -> None:
    headers = {"Content-Type": "application/problem+json"}
    line = Line(httpx.Response(502, json={"title": "Bad Gateway", "detail": "the host key changed"}, headers=headers))
    with pytest.raises(ApiError, match="the host key changed"):
        line.http.send(Call("GET", "jobs/x/archive"))
    assert len(line.requests) == 1


def test_a_cluster_that_is_away_is_not_told_as_a_server_that_is() -> None:
    headers = {"Content-Type": "application/problem+json", "Retry-After": "1"}
    body = {"title": "Service Unavailable", "detail": "lab cannot be reached", "hint": "try again in a minute"}
    line = Line(*[httpx.Response(503, json=body, headers=headers)] * 4)
    with pytest.raises(ServerUnreachable) as caught:
        line.http.send(Call("GET", "jobs/x/archive"))
    assert (str(caught.value), caught.value.hint) == ("lab cannot be reached (HTTP 503)", "try again in a minute")


def test_a_busy_server_is_asked_when_it_said_but_within_a_minute() -> None:
    busy = [
        httpx.Response(429, headers={"Retry-After": seconds})
        for seconds in ("7", "9999", "Wed, 21 Oct 2026 07:28:00 GMT")
    ]
    line = Line(*busy, _ok())
    line.http.send(Call("GET", "jobs"))
    assert line.pauses == [7.0, 60.0, 2.0]


def test_a_get_gives_up_with_address_source_and_cause() -> None:
    line = Line(*[BROKEN] * 4)
    with pytest.raises(ServerUnreachable) as caught:
        line.http.send(Call("GET", "jobs"))
    assert str(caught.value) == "the server http://lab (from the environment) does not answer: Connection refused"
    assert len(line.requests) == 4


def test_a_post_with_a_key_is_sent_again_under_the_same_key() -> None:
    line = Line(BROKEN, _ok())
    line.http.send(Call("POST", "jobs", body={"a": 1}, idempotency_key="k1"))
    assert [request.headers["idempotency-key"] for request in line.requests] == ["k1", "k1"]


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "jobs/x/cancel"),
        Call("PATCH", "jobs/x", body={"name": "a"}),
        Call("DELETE", "datasets/x"),
        Call("POST", "datasets", upload=Upload({}, {"file": ("a.json", b"[]")})),
    ],
)
def test_other_requests_are_sent_once(call: Call[object]) -> None:
    line = Line(BROKEN, _ok())
    with pytest.raises(ServerUnreachable):
        line.http.send(call)
    assert len(line.requests) == 1


def test_a_stream_is_opened_again_but_a_break_in_it_is_told() -> None:
    def body() -> Iterator[bytes]:
        yield b"one"
        raise httpx.ReadError("reset")

    line = Line(BROKEN, httpx.Response(200, content=body()))
    with pytest.raises(ServerUnreachable, match="reset"), line.http.stream(Call("GET", "jobs/x/logs")) as answer:
        answer.read()
    assert len(line.requests) == 2


def test_a_refusal_shows_sentence_hint_and_every_finding_with_its_place() -> None:
    problem = {
        "type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "the request does not hold",
        "errors": [
            {"loc": ["body", "config", "lora_rnk"], "message": "unknown argument", "hint": "did you mean lora_rank?"},
            {"loc": ["body", "datasets", 0], "message": "no such data set \x1b[2J", "hint": None},
        ],
    }  # fmt: skip
    line = Line(httpx.Response(422, json=problem))
    with pytest.raises(ApiError) as caught:
        line.http.send(Call("POST", "jobs", body={}, idempotency_key="k"))
    assert str(caught.value).splitlines() == [
        "the server refuses this (HTTP 422)",
        "  config.lora_rnk: unknown argument",
        "    -> did you mean lora_rank?",
        "  datasets.0: no such data set ",
    ]
    assert caught.value.status == 422
    assert len(line.requests) == 1


def test_the_hint_of_a_problem_is_the_hint_of_the_error() -> None:
    line = Line(httpx.Response(401, json={"title": "Unauthorized", "detail": "no token", "hint": "ask for one"}))
    with pytest.raises(ApiError) as caught:
        line.http.send(Call("GET", "me"))
    assert (caught.value.hint, caught.value.code) == ("ask for one", None)


def test_the_code_of_a_problem_is_the_code_of_the_error() -> None:
    line = Line(httpx.Response(409, json={"title": "Conflict", "detail": "it has ended", "code": "conflict"}))
    with pytest.raises(ApiError) as caught:
        line.http.send(Call("POST", "jobs/j/cancel"))
    assert caught.value.code == "conflict"


@pytest.mark.parametrize("answer", [httpx.Response(403, html="<h1>nginx</h1>"), httpx.Response(403, json=["odd"])])
def test_an_answer_that_is_no_problem_document_shows_its_status(answer: httpx.Response) -> None:
    with pytest.raises(ApiError, match=r"Forbidden \(HTTP 403\)"):
        Line(answer).http.send(Call("GET", "jobs"))


@pytest.mark.parametrize("answer", [httpx.Response(404, html="<h1>nginx</h1>"), httpx.Response(404, json={})])
def test_an_address_without_packtrain_is_told_as_such(answer: httpx.Response) -> None:
    with pytest.raises(ApiError, match="nothing of packtrain's at this address") as caught:
        Line(answer).http.send(Call("GET", "jobs"))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("is http://lab (from the environment) the address")


def test_a_job_that_is_not_there_is_told_as_the_server_says() -> None:
    answer = httpx.Response(404, json={"title": "Not Found", "detail": "there is no job job_x"})
    with pytest.raises(ApiError, match="there is no job job_x"):
        Line(answer).http.send(Call("GET", "jobs/job_x"))


def test_a_redirect_is_not_followed_with_the_token() -> None:
    line = Line(httpx.Response(302, headers={"Location": "http://elsewhere/"}))
    with pytest.raises(ApiError, match="HTTP 302"):
        line.http.send(Call("GET", "jobs"))
    assert len(line.requests) == 1


def test_the_token_travels_in_its_header_alone() -> None:
    line = Line(_ok())
    line.http.send(Call("GET", "jobs", {"q": "x"}))
    request = line.requests[0]
    assert request.headers["authorization"] == "Bearer pt_secret"
    assert str(request.url) == "http://lab/api/v1/jobs?q=x"
