"""Models of the catalogues, and the further names that administrators give them."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

ALIASES = "/api/v1/models/aliases"
CONFIG = {"model_name_or_path": "Qwen/Qwen2-tiny", "template": "qwen", "dataset": "identity"}


def model_of(client: TestClient, **config: Any) -> Any:
    answer = client.post("/api/v1/jobs", json={"config": {**CONFIG, **config}, "held": True})
    return answer.json().get("config", {}).get("model_name_or_path", answer.status_code)


def test_an_alias_means_its_model_from_now_on(client: TestClient, administrator: TestClient) -> None:
    assert model_of(client) == 422
    body = {"alias": "Qwen/Qwen2-tiny", "model": "tiny-qwen2"}
    assert administrator.put(ALIASES, json=body).json() == {**body, "cluster": "lab"}
    assert administrator.put(ALIASES, json=body).status_code == 200
    assert model_of(client) == "/shared/models/tiny-qwen2"
    listed = {model["name"]: model["aliases"] for model in client.get("/api/v1/models").json()["data"]}
    assert listed["tiny-qwen2"] == ["Qwen/Qwen2-tiny"]
    assert administrator.delete(ALIASES, params={"alias": "Qwen/Qwen2-tiny"}).status_code == 204
    assert administrator.delete(ALIASES, params={"alias": "Qwen/Qwen2-tiny"}).status_code == 404
    assert model_of(client) == 422


def test_a_hint_names_the_catalogue_and_not_a_thousand_aliases(client: TestClient, administrator: TestClient) -> None:
    administrator.put(ALIASES, json={"alias": "short", "model": "tiny-qwen2"})
    answer = client.post("/api/v1/jobs", json={"config": {**CONFIG, "model_name_or_path": "nothing"}})
    hint = answer.json()["errors"][0]["hint"]
    assert "tiny-qwen2" in hint
    assert "short" not in hint


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alias": "a b", "model": "tiny-qwen2"}, "alias"),
        ({"alias": "tiny-qwen2", "model": "tiny-qwen2"}, "alias"),
        ({"alias": "a", "model": "absent"}, "model"),
        ({"alias": "a", "model": "tiny-qwen2", "cluster": "absent"}, "cluster"),
    ],
)
def test_an_alias_that_could_mean_nothing_is_refused(administrator: TestClient, body: Any, field: str) -> None:
    answer = administrator.put(ALIASES, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", field])


def test_aliases_are_an_administrators(client: TestClient) -> None:
    assert client.put(ALIASES, json={"alias": "a", "model": "tiny-qwen2"}).status_code == 403
    assert client.delete(ALIASES, params={"alias": "a"}).status_code == 403
