"""Signatures of notices, checked as receivers check them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.notices.standard_webhooks import Unverified, unwrap
from tuning.notices.signature import is_secret, new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330


def test_the_specifications_own_example_comes_out() -> None:
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY, [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_a_receiver_with_the_secret_reads_the_notice(content: dict[str, str | int]) -> None:
    body, secret = json.dumps(content).encode(), new_secret()
    assert unwrap(body, signed_headers("msg_1", AT, body, [secret]), secret, AT + 1) == content


def test_both_secrets_hold_while_one_is_changed() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("msg_1", AT, BODY, [new, old])
    assert unwrap(BODY, headers, old, AT) == unwrap(BODY, headers, new, AT)


@pytest.mark.parametrize(
    ("change", "body"), [({"webhook-id": "msg_2"}, BODY), ({"webhook-timestamp": str(AT + 1)}, BODY), ({}, BODY + b" ")]
)
def test_whatever_is_changed_on_the_way_is_noticed(change: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unverified):
        unwrap(body, {**signed_headers("msg_1", AT, BODY, [SECRET]), **change}, SECRET, AT)


def test_another_secret_signs_otherwise() -> None:
    with pytest.raises(Unverified):
        unwrap(BODY, signed_headers("msg_1", AT, BODY, [new_secret()]), SECRET, AT)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert all(is_secret(secret) and len(secret) == 50 for secret in made)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_short", SECRET.removeprefix("whsec_"), "whsec_ä", "whsec_" + "A" * 200]
)
def test_what_is_no_secret_is_known(text: str) -> None:
    assert not is_secret(text)
