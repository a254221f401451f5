"""Recipes over HTTP, and jobs that begin with one."""

from starlette.testclient import TestClient

from tuning.recipes.catalogue import recipes

OWN = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}


def test_all_are_listed_with_their_parameters(client: TestClient) -> None:
    shown = client.get("/api/v1/recipes").json()["data"]
    assert [recipe["name"] for recipe in shown] == list(recipes())
    lora = next(recipe for recipe in shown if recipe["name"] == "lora-sft")
    assert lora["config"]["lora_rank"] == 8
    rank = next(one for one in lora["parameters"] if one["name"] == "lora_rank")
    assert (rank["default"], rank["required"]) == (8, False)
    assert client.get("/api/v1/recipes/lora-sft").json() == lora


def test_an_unknown_one_is_not_found_and_the_nearest_is_named(client: TestClient) -> None:
    answer = client.get("/api/v1/recipes/lora-stf")
    assert answer.status_code == 404
    assert "lora-sft" in answer.text


def test_a_jobs_own_config_lies_over_the_recipes(client: TestClient) -> None:
    request = {"recipe": "qlora-sft", "config": {**OWN, "lora_rank": 4}}
    job = client.post("/api/v1/jobs", json=request).json()
    assert job["recipe"] == "qlora-sft"
    assert (job["config"]["lora_rank"], job["config"]["quantization_bit"]) == (4, 4)


def test_a_recipe_brings_its_resources_and_they_can_be_laid_over(client: TestClient) -> None:
    request = {"recipe": "full-sft-zero3", "config": OWN}
    assert client.post("/api/v1/jobs", json=request).json()["resources"]["gpus_per_node"] == 4
    fewer = {**request, "resources": {"gpus_per_node": 2}}
    assert client.post("/api/v1/jobs", json=fewer).json()["resources"]["gpus_per_node"] == 2


def test_a_recipe_brings_its_kind(client: TestClient) -> None:
    request = {
        "recipe": "merge",
        "config": {"model_name_or_path": "tiny-qwen2", "adapter_name_or_path": "/shared/models/a"},
    }
    assert client.post("/api/v1/jobs", json=request).json()["kind"] == "export"
    answer = client.post("/api/v1/jobs", json={**request, "kind": "train"})
    assert answer.json()["errors"][0]["loc"] == ["body", "kind"]


def test_a_recipe_gives_the_template_of_the_models_family(client: TestClient) -> None:
    silent = {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}
    assert (
        client.post("/api/v1/jobs", json={"recipe": "lora-sft", "config": silent}).json()["config"]["template"]
        == "qwen"
    )
    assert "template" not in client.post("/api/v1/jobs", json={"config": silent}).json()["config"]


def test_another_familys_template_is_doubted(client: TestClient) -> None:
    found = client.post("/api/v1/jobs/validate", json={"config": {**OWN, "template": "llama3"}}).json()
    assert found["valid"]
    assert [warning["loc"] for warning in found["warnings"]] == [["body", "config", "template"]]
    assert found["warnings"][0]["hint"].startswith("qwen")


def test_an_unknown_recipe_is_refused_with_the_rest_of_what_is_wrong(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={"recipe": "lora", "config": {**OWN, "lora_rnak": 1}})
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", "recipe"], ["body", "config", "lora_rnak"]]


def test_a_retry_keeps_the_arguments_of_the_recipe(client: TestClient) -> None:
    made = client.post("/api/v1/jobs", json={"recipe": "qlora-sft", "config": OWN}).json()
    again = client.post(f"/api/v1/jobs/{made['id']}/clone", json={"config": {"lora_rank": 2}}).json()
    assert again["config"] == {**made["config"], "lora_rank": 2}
