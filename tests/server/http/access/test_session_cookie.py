"""The session's cookie, and what keeps other sites from using it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.access.session_cookie import csrf_of, csrf_refusal, is_csrf_of, is_same_origin, session_text

TEXT = "ps_" + "x" * 43


def scope(method: str = "POST", scheme: str = "http", **headers: str) -> dict[str, Any]:
    sent = {"host": "train.lab:8421", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    return {"type": "http", "method": method, "scheme": scheme, "path": "/", "headers": raw}


@pytest.mark.parametrize(
    ("scheme", "cookie", "found"),
    [
        ("http", f"packtrain_session={TEXT}", TEXT),
        ("http", f"a=b; packtrain_session={TEXT}; c=d", TEXT),
        ("https", f"__Host-packtrain_session={TEXT}", TEXT),
        ("https", f"packtrain_session={TEXT}", None),
        ("http", f"__Host-packtrain_session={TEXT}", None),
        ("http", "packtrain_session=pt_token", None),
        ("http", "packtrain_session=", None),
        ("http", "", None),
        ("http", "=;;=;packtrain_session", None),
    ],
)
def test_a_session_is_read_from_its_own_cookie_alone(scheme: str, cookie: str, found: str | None) -> None:
    assert session_text(scope("GET", scheme, cookie=cookie)) == found


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_cookie_breaks_its_reading(cookie: str) -> None:
    found = session_text(scope(cookie=cookie))
    assert found is None or found.startswith("ps_")


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"origin": "http://train.lab:8421"}, True),
        ({"origin": "https://TRAIN.lab:8421"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "http://train.lab:8421"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "same-origin", "origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://train.lab"}, False),
        ({"origin": "http://train.lab:8421.evil.example"}, False),
        ({"origin": "http://train.lab:8421@evil.example"}, False),
        ({"origin": "http://[evil"}, False),
        ({"origin": "http://train.lab", "host": "train.lab:80"}, True),
        ({"origin": "https://train.lab", "host": "train.lab"}, True),
    ],
    ids=str,
)
def test_a_request_of_another_site_is_known_by_what_browsers_say(headers: dict[str, str], is_ours: bool) -> None:
    assert is_same_origin(scope(**headers)) is is_ours


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_needs_no_csrf_value(method: str) -> None:
    assert csrf_refusal(scope(method, sec_fetch_site="cross-site"), TEXT) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_needs_the_sessions_own_csrf_value(method: str) -> None:
    right = {"x_csrf_token": csrf_of(TEXT)}
    assert csrf_refusal(scope(method, **right), TEXT) is None
    for headers in ({}, {"x_csrf_token": csrf_of("ps_other")}, {"x_csrf_token": "ä"}, {**right, "origin": "null"}):
        refusal = csrf_refusal(scope(method, **headers), TEXT)
        assert refusal is not None
        assert (refusal.status_code, json.loads(bytes(refusal.body))["code"]) == (403, "csrf_refused")


@given(st.text())
def test_nothing_else_is_taken_for_the_csrf_value(sent: str) -> None:
    assert is_csrf_of(TEXT, sent) is (sent == csrf_of(TEXT))
