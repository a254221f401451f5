"""Everything that would be refused, and what would run, before anything is stored."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_attempt, make_cluster_settings, make_dataset, make_job
from tests.tuning.llamafactory.config.model_shapes import QWEN2_7B
from tests.tuning.llamafactory.model_files.model_headers import llama, tensors_of
from tuning.clusters.models import ClusterRow
from tuning.clusters.trials import TrialAnswer, note_answers, unanswered
from tuning.db.engine import transaction
from tuning.jobs.attempt.batch_script import directives_of
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.llamafactory.model_files.described import ModelFiles, files_to_json
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.people.models import User
from tuning.settings import ClusterSettings

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
REQUEST: dict[str, Any] = {
    "config": {**CONFIG, "lora_rank": "8", "output_dir": "saves/x"},
    "resources": {"nodes": 2, "gpus_per_node": 4, "time_limit": "02:30:00"},
}


def test_a_good_request_is_shown_as_it_would_run_and_not_stored(
    client: TestClient, sessions: sessionmaker[Session]
) -> None:
    found = client.post("/api/v1/jobs/validate", json=REQUEST).json()
    assert (found["valid"], found["errors"]) == (True, [])
    assert found["warnings"][0]["loc"] == ["body", "config", "output_dir"]
    assert any("lora_rank" in note for note in found["notes"])
    assert "#SBATCH --time=02:30:00\n" in found["script"]
    assert yaml.safe_load(found["config_yaml"])["lora_rank"] == 8
    assert found["estimates"] == {
        "gpus": 8,
        "time_limit_seconds": 9000,
        "gpu_hours_at_most": 20.0,
        "gpu_memory": None,
        "starts_at": None,
        "start": {
            "position": 1,
            "expected_start_at": None,
            "expected_start_low_at": None,
            "expected_start_high_at": None,
            "expected_end_at": None,
            "expected_end_low_at": None,
            "expected_end_high_at": None,
        },
    }
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0
        assert session.scalar(select(func.count()).select_from(JobEvent)) == 0


def test_a_script_is_told_line_by_line(client: TestClient) -> None:
    script = "#!/bin/bash\n#SBATCH --mail-user=a@b.c\necho\nllamafactory-cli train /data/gone.yaml\n"
    found = client.post("/api/v1/jobs/validate", json={"script": script}).json()
    assert [error["loc"] for error in found["errors"]] == [["body", "script", 4]]
    assert "gone.yaml is not given" in found["errors"][0]["message"]
    assert [warning["loc"] for warning in found["warnings"]] == [["body", "script", 2], ["body", "script", 3]]


def test_the_memory_of_a_known_model_is_estimated_and_held_to_the_gpu(
    client: TestClient, sessions: sessionmaker[Session]
) -> None:
    snapshot = {"model_configs": {"/shared/models/tiny-qwen2": QWEN2_7B}}
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=0, snapshot=snapshot, snapshot_at=NOON))
    lora = client.post("/api/v1/jobs/validate", json={"config": CONFIG}).json()
    full = client.post("/api/v1/jobs/validate", json={"config": {**CONFIG, "finetuning_type": "full"}}).json()
    memory = lora["estimates"]["gpu_memory"]
    assert 14e9 < memory["weights"] < 17e9, "7.6 B weights in 16 bits"
    assert full["estimates"]["gpu_memory"]["total"] > 2 * memory["total"]
    assert [warning["loc"] for warning in lora["warnings"]] == []
    assert [warning["loc"][-1] for warning in full["warnings"]] == ["per_device_train_batch_size"]
    assert "one GPU would need about" in full["warnings"][0]["message"]


def test_a_model_of_any_family_is_held_to_its_own_files(client: TestClient, sessions: sessionmaker[Session]) -> None:
    path = "/shared/models/tiny-qwen2"
    files = ModelFiles("s", tensors_of(llama()), tokens=("<|im_start|>", "<|im_end|>"), has_chat_template=True)
    config_json = '{"model_type": "unheard_of", "num_hidden_layers": 2, "max_position_embeddings": 128}'
    nodes = [{"name": "n1", "partitions": ["gpu"], "gpus": 8, "gpu_types": {"v100": 8}}]
    snapshot = {
        "model_configs": {path: config_json},
        "model_files": {path: files_to_json(files), "/odd": {"stamp": 7}},
        "partitions": [{"name": "gpu", "is_default": True}],
        "nodes": nodes,
    }
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=0, snapshot=snapshot, snapshot_at=NOON))
    config = {**CONFIG, "template": "llama3", "lora_target": "W_pack", "cutoff_len": 256, "bf16": True}
    found = client.post("/api/v1/jobs/validate", json={"config": config}).json()
    assert [error["message"] for error in found["errors"]] == ["this unheard_of model has no module W_pack"]
    told = {warning["loc"][-1] for warning in found["warnings"]}
    assert {"template", "cutoff_len", "bf16"} <= told
    assert found["estimates"] is None or found["estimates"]["gpu_memory"] is not None


def test_what_is_shown_before_is_what_the_job_will_run(client: TestClient) -> None:
    found = client.post("/api/v1/jobs/validate", json=REQUEST).json()
    job_id = client.post("/api/v1/jobs", json=REQUEST).json()["id"]
    script = client.get(f"/api/v1/jobs/{job_id}/script")
    config = client.get(f"/api/v1/jobs/{job_id}/config")
    assert script.headers["content-type"].startswith("text/x-shellscript")
    assert config.headers["content-type"].startswith("application/yaml")
    assert script.text == found["script"].replace("job_00000000000000000000", job_id)
    shown = yaml.safe_load(found["config_yaml"].replace("job_00000000000000000000", job_id))
    assert yaml.safe_load(config.text) == shown


def test_the_warning_is_shown_as_early_as_other_jobs_saves_ask_for(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    """The worker's own lead for the same job: tests/worker/submit/test_batch.py."""
    with transaction(sessions) as session:
        before = make_job(session, user, status=JobStatus.SUCCEEDED, attempt=1, config=CONFIG)
        make_attempt(session, before, eta_state=to_json(EtaState(saves=(200.0,))))
    found = client.post("/api/v1/jobs/validate", json=REQUEST).json()
    job_id = client.post("/api/v1/jobs", json=REQUEST).json()["id"]
    for script in (found["script"], client.get(f"/api/v1/jobs/{job_id}/script").text):
        assert "--signal=B:USR1@630" in script


def test_uploads_are_named_by_their_id(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        dataset_id = make_dataset(session, user).id
    body = {"config": {"model_name_or_path": "tiny-qwen2", "template": "qwen"}, "datasets": [dataset_id]}
    found = client.post("/api/v1/jobs/validate", json=body).json()
    assert yaml.safe_load(found["config_yaml"])["dataset"] == dataset_id


@pytest.mark.parametrize("body", ["[]", "7", "", "{"])
def test_what_is_no_object_is_no_request(client: TestClient, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/jobs/validate", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.fixture
def driven(sessions: sessionmaker[Session]) -> None:
    """A worker has the cluster, and reaches it."""
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1, lease_expires_at=NOON + timedelta(minutes=1)))


def answered(client: TestClient, sessions: sessionmaker[Session], answer: TrialAnswer) -> dict[str, Any]:
    """Answer to a request whose question a worker has just answered."""
    script = directives_of(client.post("/api/v1/jobs/validate", json=REQUEST).json()["script"])
    with transaction(sessions) as session:
        note_answers(session, "lab", {script: answer}, NOON)
    return cast(dict[str, Any], client.post("/api/v1/jobs/validate", json=REQUEST).json())


@pytest.mark.usefixtures("driven")
def test_slurm_says_when_it_would_start(client: TestClient, sessions: sessionmaker[Session]) -> None:
    found = answered(client, sessions, TrialAnswer(starts_at=NOON))
    assert (found["valid"], found["estimates"]["starts_at"]) == (True, "2026-11-21T12:00:00Z")
    assert not any("not asked" in note for note in found["notes"])


@pytest.mark.usefixtures("driven")
def test_what_slurm_would_refuse_is_refused_in_its_words(client: TestClient, sessions: sessionmaker[Session]) -> None:
    answer = TrialAnswer(refusal="Invalid account", hint="ask the site", is_final=True)
    found = answered(client, sessions, answer)
    assert found["valid"] is False
    assert found["errors"] == [
        {"loc": ["body", "resources"], "message": "Slurm says: Invalid account", "hint": "ask the site"}
    ]
    assert found["script"]


@pytest.mark.usefixtures("driven")
def test_a_limit_of_the_site_is_a_warning(client: TestClient, sessions: sessionmaker[Session]) -> None:
    found = answered(client, sessions, TrialAnswer(refusal="QOSMaxSubmitJobPerUserLimit"))
    assert found["valid"] is True
    assert found["warnings"][-1]["message"] == "Slurm says: QOSMaxSubmitJobPerUserLimit"


@pytest.mark.usefixtures("driven")
def test_a_question_that_nobody_answers_is_told(client: TestClient, sessions: sessionmaker[Session]) -> None:
    found = client.post("/api/v1/jobs/validate", json=REQUEST).json()
    assert found["valid"] is True
    assert "lab gave no answer: its Slurm was not asked" in found["notes"]
    with sessions() as session:
        assert unanswered(session, "lab", 9) == [directives_of(found["script"])]


@pytest.mark.usefixtures("driven")
def test_slurm_is_left_out_on_wish(client: TestClient, sessions: sessionmaker[Session]) -> None:
    found = client.post("/api/v1/jobs/validate?ask_slurm=false", json=REQUEST).json()
    assert found["valid"] is True
    assert not any("not asked" in note for note in found["notes"])
    with sessions() as session:
        assert unanswered(session, "lab", 9) == []


def test_a_cluster_that_nobody_drives_is_not_asked(client: TestClient, sessions: sessionmaker[Session]) -> None:
    assert client.post("/api/v1/jobs/validate", json=REQUEST).json()["valid"] is True
    with sessions() as session:
        assert unanswered(session, "lab", 9) == []


def test_the_place_and_start_that_the_job_would_have(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    node = {"partitions": ["gpu"], "gpus": 4, "gpus_in_use": 4}
    nodes = [{"name": name, **node} for name in ("n1", "n2")]
    snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": nodes}
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))
        end = NOON + timedelta(hours=2)
        job = make_job(
            session, user, status=JobStatus.RUNNING, gpus=8, limit_seconds=9999, expected_end_at=end, attempt=1
        )
        make_attempt(session, job, started_at=NOON)
    found = client.post("/api/v1/jobs/validate", json=REQUEST).json()
    assert found["errors"] == []
    start = found["estimates"]["start"]
    assert (start["position"], start["expected_start_at"]) == (1, "2026-11-21T14:00:00Z")
    assert start["expected_start_low_at"] <= start["expected_start_at"] <= start["expected_start_high_at"]
    assert start["expected_start_at"] < start["expected_end_at"] <= start["expected_end_high_at"]
    made = client.post("/api/v1/jobs", json=REQUEST).json()
    entry = client.get(f"/api/v1/jobs/{made['id']}/queue").json()
    assert {name: entry[name] for name in start} == start


def test_a_wrong_token_is_refused(anonymous: TestClient) -> None:
    assert anonymous.post("/api/v1/jobs/validate", json=REQUEST).status_code == 401


def test_a_configuration_of_the_clusters_checkout_need_not_be_sent_along(
    client: TestClient, clusters: dict[str, ClusterSettings], tmp_path: Path
) -> None:
    checkout = tmp_path / "LLaMA-Factory"
    checkout.mkdir()
    (checkout / "lora.yaml").write_text("model_name_or_path: tiny-qwen2\ntemplate: qwen\ndataset: identity\n")
    clusters["lab"] = make_cluster_settings(llamafactory_checkout=str(checkout))
    body = {"command": "llamafactory-cli train lora.yaml lora_rank=4"}
    found = client.post("/api/v1/jobs/validate", json=body).json()
    assert (found["valid"], found["errors"]) == (True, [])
    assert "lora.yaml was read from the cluster's checkout" in found["notes"]
    assert yaml.safe_load(found["config_yaml"])["lora_rank"] == 4
    made = client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "1"})
    assert (made.status_code, made.json()["config"]["dataset"]) == (201, "identity")
    (checkout / "lora.yaml").unlink()
    again = client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "1"})
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert client.post("/api/v1/jobs", json=body).status_code == 422


@pytest.mark.parametrize(
    ("more", "site", "is_told"),
    [
        ({}, {}, False),  # the image is offline
        ({}, {"environment": {"WANDB_MODE": "online"}}, True),
        ({"secrets": ["WANDB_API_KEY"]}, {"environment": {"WANDB_MODE": "online"}}, False),
        ({}, {"environment": {"WANDB_MODE": "online", "WANDB_API_KEY": "k"}}, False),
        ({}, {"hub": "offline"}, False),
        ({}, {"hub": "online"}, False),  # offline without a key
    ],
)
def test_wandb_without_a_key_is_told(
    client: TestClient, clusters: dict[str, ClusterSettings], more: dict[str, Any], site: dict[str, Any], is_told: bool
) -> None:
    clusters["lab"] = make_cluster_settings(**site)
    assert client.put("/api/v1/secrets/WANDB_API_KEY", json={"value": "k"}).is_success
    body = {"config": {**CONFIG, "report_to": "wandb"}, **more}
    found = client.post("/api/v1/jobs/validate", json=body).json()
    assert found["errors"] == []
    assert any("WANDB_API_KEY" in warning["message"] for warning in found["warnings"]) == is_told
