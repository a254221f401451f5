"""Secrets over HTTP: kept, listed by name, forgotten, and never answered."""

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tuning.secrets.cipher import Cipher
from tuning.secrets.models import Secret

KEY = "/api/v1/secrets/WANDB_API_KEY"
VALUE = "wandb-0123456789"


def names(client: TestClient) -> list[str]:
    return [one["name"] for one in client.get("/api/v1/secrets").json()["data"]]


def test_a_secret_is_kept_and_listed_without_its_value(client: TestClient) -> None:
    assert client.put(KEY, json={"value": VALUE}).status_code == 204
    answer = client.get("/api/v1/secrets")
    assert [set(one) for one in answer.json()["data"]] == [{"name", "created_at", "updated_at"}]
    assert VALUE not in answer.text


def test_it_lies_encrypted_in_the_database(client: TestClient, sessions: sessionmaker[Session]) -> None:
    client.put(KEY, json={"value": VALUE})
    with sessions() as session:
        ciphertext = session.scalars(select(Secret.ciphertext)).one()
    assert VALUE.encode() not in ciphertext
    assert Cipher(SecretStr("a key")).decrypt(ciphertext) == VALUE


def test_setting_it_again_replaces_it(client: TestClient, sessions: sessionmaker[Session]) -> None:
    client.put(KEY, json={"value": "old"})
    client.put(KEY, json={"value": VALUE})
    with sessions() as session:
        assert Cipher(SecretStr("a key")).decrypt(session.scalars(select(Secret.ciphertext)).one()) == VALUE


def test_each_user_has_their_own(client: TestClient, administrator: TestClient) -> None:
    client.put(KEY, json={"value": VALUE})
    assert names(administrator) == []
    assert administrator.delete(KEY).status_code == 404
    assert client.delete(KEY).status_code == 204
    assert names(client) == []


@pytest.mark.parametrize(
    "name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "wandb_api_key", "_KEY", "A" * 80 + "_KEY", "X-KEY"]
)
def test_a_name_that_could_change_what_is_run_is_refused(client: TestClient, name: str) -> None:
    answer = client.put(f"/api/v1/secrets/{name}", json={"value": VALUE})
    assert answer.status_code == 422
    assert "ending in _API_KEY" in answer.json()["errors"][0]["hint"]
    assert VALUE not in answer.text


@pytest.mark.parametrize("value", ["", "nul\0", "x" * 65_537, "é" * 40_000])
def test_a_value_that_no_variable_can_hold_is_refused(client: TestClient, value: str) -> None:
    answer = client.put(KEY, json={"value": value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][-1] == "value"
    assert names(client) == []


def test_a_wrong_body_is_not_repeated_either(client: TestClient) -> None:
    answer = client.put(KEY, json={"value": {"nested": VALUE}})
    assert answer.status_code == 422
    assert VALUE not in answer.text


def test_without_a_key_none_can_be_kept(client: TestClient, app: FastAPI) -> None:
    app.state.cipher = Cipher(None)
    answer = client.put(KEY, json={"value": VALUE})
    assert answer.status_code == 409
    assert "PACKTRAIN_SECRETS_KEY" in answer.text


def test_nobody_keeps_more_than_fifty(client: TestClient) -> None:
    for number in range(50):
        assert client.put(f"/api/v1/secrets/N{number}_KEY", json={"value": VALUE}).status_code == 204
    assert client.put(KEY, json={"value": VALUE}).status_code == 422
    assert client.put("/api/v1/secrets/N1_KEY", json={"value": VALUE}).status_code == 204, "an older one may change"


def test_a_job_names_only_what_its_owner_has(client: TestClient) -> None:
    request = {"config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}, "secrets": ["WANDB_API_KEY"]}
    refused = client.post("/api/v1/jobs", json=request)
    assert refused.json()["errors"][0]["loc"] == ["body", "secrets", 0]
    client.put(KEY, json={"value": VALUE})
    made = client.post("/api/v1/jobs", json=request)
    assert (made.status_code, made.json()["secrets"]) == (201, ["WANDB_API_KEY"])
    script = client.get(made.json()["links"]["script"]).text
    assert "WANDB_API_KEY" in script
    assert VALUE not in made.text + script


@pytest.mark.parametrize("value", ["two\nlines\r\n", " \t ", "$(id)`id`\\'\"", "ключ 鍵", "x" * 65_536])
def test_any_text_is_kept_as_it_is(client: TestClient, sessions: sessionmaker[Session], value: str) -> None:
    assert client.put(KEY, json={"value": value}).status_code == 204
    with sessions() as session:
        assert Cipher(SecretStr("a key")).decrypt(session.scalars(select(Secret.ciphertext)).one()) == value
