"""Bad input, by mistake or malice: a clear error, nothing stored, and never a 500."""

import json
import string
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.clusters.views import ClusterViews
from tests.factories import NOON, Seconds
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Job

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
SNAPSHOT = {
    "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 86_400, "state": "UP"}],
    "nodes": [{"name": "n1", "partitions": ["gpu"], "gpus": 4, "gpu_types": {"a100": 4}}],
    "datasets": {"identity": {"file_name": "identity.json"}},
}


@pytest.fixture
def known_cluster(sessions: sessionmaker[Session]) -> None:
    """The cluster has described itself."""
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=0, snapshot=SNAPSHOT, snapshot_at=NOON))


def refused(client: TestClient, body: Any) -> dict[str, Any]:
    """The first finding of a 422; `validate` must find the same."""
    answer = client.post("/api/v1/jobs", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    found = client.post("/api/v1/jobs/validate", json=body).json()
    assert (found["valid"], found["script"]) == (False, None)
    errors: list[dict[str, Any]] = answer.json()["errors"]
    assert found["errors"] == errors
    return errors[0]


def with_resources(**resources: Any) -> dict[str, Any]:
    return {"config": CONFIG, "resources": resources}


def test_both_forms_of_a_configuration(client: TestClient) -> None:
    error = refused(client, {"config": CONFIG, "config_yaml": "a: 1"})
    assert (error["loc"], error["hint"]) == (["body", "config_yaml"], "give one of them")


def test_a_tags_key_with_a_colon_is_told_in_words(client: TestClient) -> None:
    error = refused(client, {"config": CONFIG, "tags": {"犬:猫": "x"}})
    assert error["message"] == "犬:猫 does not have the right form"
    assert error["hint"].startswith("a tag's key is of any letters but a colon")


def test_a_filter_of_several_values_is_told_by_its_name(client: TestClient) -> None:
    error = client.get("/api/v1/jobs?tag=team=mt").json()["errors"][0]
    assert (error["message"], error["hint"][:26]) == ("tag does not have the right form", "key:value, such as team:mt")


def test_a_body_without_its_content_type_is_told_of_the_header(client: TestClient) -> None:
    error = client.post("/api/v1/jobs", content=b'{"name": "x"}').json()["errors"][0]
    assert error["message"] == "the body is no JSON object"
    assert "Content-Type: application/json" in error["hint"]


def test_no_configuration(client: TestClient) -> None:
    assert refused(client, {"name": "x"})["loc"] == ["body", "config"]


def test_yaml_that_does_not_parse_says_line_and_column(client: TestClient) -> None:
    error = refused(client, {"config_yaml": "stage: sft\n  model: [1\n"})
    assert error["loc"] == ["body", "config_yaml", 2, 8]
    assert error["message"].startswith("line 2, column 8: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "just text",
        "a: 1\n---\nb: 2",
        "a: &a [*a]",
        "!!python/object:os.system {}",
        "a: " + "[" * 5000,
        "a: 1\na: 2",
        "\x07",
        "x: 0x" + "f" * 9000,
        "x: .nan",
        "x: 1" + "0" * 5000,
        "\ufeff",
        "? {a: b}\n: c",
    ],
    ids=range(14),
)
def test_yaml_of_a_kind_that_is_not_taken(client: TestClient, text: str) -> None:
    refused(client, {"config_yaml": text})


def test_an_unknown_argument_names_the_nearest_known_one(client: TestClient) -> None:
    error = refused(client, {"config": {**CONFIG, "learning_rat": 1e-4}})
    assert error["loc"] == ["body", "config", "learning_rat"]
    assert "learning_rate" in error["hint"]


def test_an_unknown_field_names_the_nearest_known_one(client: TestClient) -> None:
    assert refused(client, {"config": CONFIG, "dataset": ["ds_1"]})["hint"] == "did you mean datasets?"
    assert refused(client, with_resources(gpu_per_node=1))["hint"] == "did you mean gpus_per_node?"


@pytest.mark.parametrize(
    "field",
    [
        {"kind": "evaluate"},
        {"kind": "serve"},
    ],
    ids=str,
)
def test_what_this_version_does_not_do_is_refused_and_not_passed_over(client: TestClient, field: Any) -> None:
    assert refused(client, {"config": CONFIG, **field})["loc"] == ["body", *field]


def test_all_that_is_wrong_is_said_at_once(client: TestClient) -> None:
    body = {"config": {"lora_rnk": 8}, "datasets": ["ds_none"], "resources": {"cluster": "lab"}}
    errors = client.post("/api/v1/jobs", json=body).json()["errors"]
    places = [tuple(error["loc"][1:]) for error in errors]
    assert {("datasets", 0), ("config", "lora_rnk"), ("config", "model_name_or_path")} <= set(places)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../secrets",
        "/shared/models/../../etc",
        "relative/path",
        "/shared/models-evil/x",
        "/shared/models/a b",
        "/shared/models/$(reboot)",
        "org/hub-model",
        "/shared/models/`id`",
    ],
)
def test_a_model_outside_the_allowed_folders(client: TestClient, path: str) -> None:
    assert refused(client, {"config": {**CONFIG, "model_name_or_path": path}})["loc"][1:] == [
        "config",
        "model_name_or_path",
    ]


@pytest.mark.usefixtures("known_cluster")
def test_a_data_set_that_the_cluster_does_not_know(client: TestClient) -> None:
    error = refused(client, {"config": {**CONFIG, "dataset": "identty"}})
    assert "did you mean identity?" in error["hint"]


NASTY = [
    'it\'s "quoted"',
    "we|ird",
    "$(touch /tmp/x)",
    "`id`; rm -rf /",
    "a'; DROP TABLE jobs; --",
    "<script>",
    "日本語 訓練",
    "𝒻𝒾𝓃ℯ 🦙",
    "\u202eright to left",
    "%s %n {0} ${x}",
    "a" * 200,
]


@pytest.mark.parametrize("name", NASTY)
def test_a_strange_name_is_kept_as_it_is_and_reaches_no_script(client: TestClient, name: str) -> None:
    body = {"config": CONFIG, "name": name, "tags": {"note": name}}
    job = client.post("/api/v1/jobs", json=body).json()
    assert (job["name"], job["tags"]) == (name, {"note": name})
    assert client.get("/api/v1/jobs", params={"q": name}).json()["data"][0]["id"] == job["id"]
    path = f"/api/v1/jobs/{job['id']}"
    assert name not in client.get(f"{path}/script").text + client.get(f"{path}/config").text


@pytest.mark.parametrize("name", ["two\nlines", "nul\0", "tab\t", "", "a" * 10_000, "\x7f", "\ud800", 7, ["a"], {}])
def test_a_name_that_is_none(client: TestClient, name: Any) -> None:
    body = json.dumps({"config": CONFIG, "name": name})
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/jobs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "name"])


@pytest.mark.parametrize(
    "limit",
    [
        "0",
        "00:00:00",
        "0-00",
        "-1",
        "1 day",
        "8h",
        "1:2:3:4",
        "01:00:00\n#SBATCH -p x",
        "",
        "INFINITE",
        "１２:00:00",
        "9" * 50,
        8,
    ],
)
def test_a_time_limit_of_zero_or_in_the_wrong_form(client: TestClient, limit: Any) -> None:
    assert refused(client, with_resources(time_limit=limit))["loc"] == ["body", "resources", "time_limit"]


@pytest.mark.usefixtures("known_cluster")
@pytest.mark.parametrize(
    ("resources", "field", "words"),
    [
        ({"gpus_per_node": 5}, "gpus_per_node", "has 5 GPUs: the largest has 4"),
        ({"nodes": 2}, "nodes", "has 1 nodes, not 2"),
        ({"partition": "gpus"}, "partition", "has no partition gpus"),
        ({"time_limit": "1-00:00:01"}, "time_limit", "is longer than the partition gpu allows"),
        ({"gpu_type": "h100"}, "gpu_type", "has no GPUs of type h100"),
        ({"cluster": "moon"}, "cluster", "there is no cluster moon"),
    ],
)
def test_more_than_the_cluster_has(client: TestClient, resources: Any, field: str, words: str) -> None:
    error = refused(client, with_resources(**resources))
    assert error["loc"] == ["body", "resources", field]
    assert words in error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    "resources",
    [
        {"partition": "gpu\n#SBATCH --uid=0"},
        {"account": "a b"},
        {"qos": "$(id)"},
        {"memory": "64 GB"},
        {"memory": "0G"},
        {"partition": "gpu,"},
        {"partition": ",".join(["gpu"] * 11)},
        {"options": {"wrap": "id"}},
        {"options": {"reservation": "course"}},
        {"options": {"Reservation": True}},
        {"options": {"exclusive": None}},
        {"gpu_type": "a100:4"},
        {"constraint": "a;b"},
        {"exclude": "n1 n2"},
        {"nodes": 0},
        {"nodes": 10**30},
        {"gpus_per_node": -1},
        {"gpus_per_node": 1.5},
        {"cpus_per_gpu": "many"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_nothing_but_plain_words_and_numbers_goes_to_sbatch(client: TestClient, resources: Any) -> None:
    assert refused(client, with_resources(**resources))["loc"][:2] == ["body", "resources"]


BODIES = [
    "",
    "null",
    "[]",
    "7",
    '"text"',
    "{",
    "{'a': 1}",
    "\xff",
    '{"config": {"a": NaN}}',
    '{"config": {"lora_rank": 1e999}}',
    '{"config": {"\\ud800": 1}}',
    '{"\\ud800": 1}',
    '{"config": {"run_name": "\\ud800"}}',
    '{"config": {"run_name": "\\u0000"}}',
    '{"config_yaml": "\\ud800"}',
    '{"tags": {"a": "\\ud800"}}',
    '{"tags": {"a": "\\u0000"}}',
    '{"tags": {"": ""}}',
    '{"config": {"lora_rank": ' + "9" * 4000 + "}}",
    '{"config": {"lora_rank": ' + "9" * 5000 + "}}",
    '{"priority": ' + "9" * 4000 + "}",
    '{"config": {"a": ' + "[" * 900 + "]" * 900 + "}}",
    '{"config": ' + '{"a": ' * 900 + "1" + "}" * 901,
    "[" * 100_000,
    '{"config": {"a": ' + "[" * 100_000,
    '{"config": {' + ",".join(f'"k{n}": 1' for n in range(20_000)) + "}}",
    json.dumps({"config": {"lr_scheduler_kwargs": {"x": [0] * 20_000}}}),
    json.dumps({"config_yaml": "a" * 2_000_000}),
    json.dumps({"config": {"run_name": "a" * 3_000_000}}),
    '{"datasets": ["ds_%s"]}' % ("a" * 5000),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/jobs", "/jobs/validate"])
def test_a_body_that_is_no_request(client: TestClient, sessions: sessionmaker[Session], path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/v1{path}", content=body.encode("latin-1", "replace"), headers=headers)
    if answer.status_code == 200:
        assert path == "/jobs/validate"
        assert answer.json()["valid"] is False
    else:
        assert answer.status_code in {400, 413, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 5_000_000
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_body_of_another_type(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", content="config: {}", headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 415


@pytest.mark.parametrize("key", ["", "a b", "\u00e4", "x" * 256])
def test_an_idempotency_key_that_is_none(client: TestClient, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    assert client.post("/api/v1/jobs", json={"config": CONFIG}, headers=headers).status_code == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(string.printable, max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
NAMES = st.sampled_from(
    [
        "lora_rank",
        "learning_rate",
        "dataset",
        "model_name_or_path",
        "template",
        "report_to",
        "deepspeed",
        "eval_strategy",
        "val_size",
        "bf16",
        "fsdp_config",
        "quantization_bit",
    ]
)
FIELDS = st.fixed_dictionaries(
    {"config": st.dictionaries(NAMES, JSON, max_size=5).map(lambda given: {**CONFIG, **given})},
    optional={
        "name": JSON,
        "tags": JSON,
        "priority": JSON,
        "held": JSON,
        "datasets": JSON,
        "resources": JSON | st.fixed_dictionaries({}, optional={"nodes": JSON, "time_limit": JSON, "memory": JSON}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=FIELDS)
def test_whatever_is_sent_is_taken_or_refused(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/api/v1/jobs", json=body)
    found = client.post("/api/v1/jobs/validate", json=body)
    assert answer.status_code in {201, 422}, answer.text
    assert found.json()["valid"] == (answer.status_code == 201)


@pytest.mark.usefixtures("known_cluster")
def test_a_description_of_the_cluster_that_is_new_is_checked_against(
    client: TestClient, app: FastAPI, sessions: sessionmaker[Session]
) -> None:
    seconds = Seconds()
    app.state.views = ClusterViews(seconds)
    assert client.post("/api/v1/jobs", json=with_resources(gpus_per_node=8)).status_code == 422
    larger = {**SNAPSHOT, "nodes": [{"name": "n1", "partitions": ["gpu"], "gpus": 8}]}
    with transaction(sessions) as session:
        session.execute(update(ClusterRow).values(snapshot=larger, snapshot_at=NOON.replace(minute=1)))
    seconds.now += 1
    assert client.post("/api/v1/jobs", json=with_resources(gpus_per_node=8)).status_code == 201
