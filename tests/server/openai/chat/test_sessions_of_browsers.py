"""Completions that a page asks for: a session's cookie with its CSRF header."""

import pytest
from starlette.testclient import TestClient

from tests.server.openai.chat.conftest import MODEL

pytestmark = pytest.mark.usefixtures("served")
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Tell"}], "stream": True}


def test_a_session_is_answered_as_a_token_is(signed_in: TestClient) -> None:
    answer = signed_in.post("/v1/chat/completions", json=BODY)
    assert answer.status_code == 200, answer.text
    assert '"content": "Once"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_session_without_its_header_is_refused(signed_in: TestClient) -> None:
    del signed_in.headers["X-CSRF-Token"]
    answer = signed_in.post("/v1/chat/completions", json=BODY)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "csrf_refused"
    assert "load the page again" in answer.json()["error"]["message"]
