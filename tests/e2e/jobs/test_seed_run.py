"""The run of the seed document, from its YAML to its files."""

import io
import json
import tarfile
from itertools import pairwise
from pathlib import Path

import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job, Progress
from tests.e2e.site import Site, wait_status

EXAMPLES = Path(__file__).parents[3] / "examples"
SEED_FILES = {  # what the seed document lists
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "all_results.json",
    "eval_results.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "train_results.json",
    "trainer_log.jsonl",
    "trainer_state.json",
    "training_args.bin",
    "training_loss.png",
}


@pytest.fixture(scope="module")
def seen() -> list[Progress]:
    """Every progress that the long poll gave."""
    return []


@pytest.fixture(scope="module")
def job(site: Site, seen: list[Progress]) -> Job:
    """The seed's run, ended."""
    with site.client() as client:
        data = [
            client.upload_dataset(EXAMPLES / "datasets" / name)["id"]
            for name in ("ja-en-pairs.json", "ja-en-chats.jsonl")
        ]
        text = (EXAMPLES / "llama3_lora_sft.yaml").read_text(encoding="utf-8")
        job = client.submit(name='日英 "quoted" $(id) |', config_yaml=text, datasets=data, tags={"team": "mt"})
        return client.wait(job["id"], on_progress=seen.append)


def test_it_succeeds_and_says_what_came_out(job: Job) -> None:
    assert (job["status"], job["failure"]) == ("succeeded", None)
    result, progress = job["result"], job["progress"]
    assert result
    assert {"train_loss", "eval_loss", "steps"} <= set(result)
    assert progress["current_steps"] == progress["total_steps"] == result["steps"]
    assert progress["percentage"] == 100


def test_the_loss_falls(site: Site, job: Job) -> None:
    loss = site.get(f"jobs/{job['id']}/metrics").json()["series"]["loss"]["values"]
    assert loss[-1] < loss[0] - 0.3
    assert "loss" in site.get(f"jobs/{job['id']}/metrics.csv").text.splitlines()[0]


def test_progress_went_forward_with_an_eta(seen: list[Progress]) -> None:
    told = [(progress["version"], progress["queue_position"]) for progress in seen]
    assert [version for version, _ in told] == sorted(version for version, _ in told)
    assert all(old != new for old, new in pairwise(told)), "a place in the queue changes without the version"
    steps = [progress["current_steps"] for progress in seen if progress["current_steps"] is not None]
    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    bounds = [(one["eta_low_seconds"], one["eta_seconds"], one["eta_high_seconds"]) for one in seen]
    whole = [(low, eta, high) for low, eta, high in bounds if low is not None and eta is not None and high is not None]
    assert whole
    assert all(low <= eta <= high for low, eta, high in whole)


def test_its_events_tell_the_story_in_order(client: Packtrain, job: Job) -> None:
    types = [event["type"] for event in client.events(job["id"])]
    story = ["job.created", "job.queued", "job.submitting", "job.pending", "job.running", "job.succeeded"]
    assert [name for name in types if name in story] == story


def test_every_file_of_the_seed_document_is_there(site: Site, job: Job) -> None:
    artifacts = {artifact["path"]: artifact for artifact in site.get(f"jobs/{job['id']}/artifacts").json()["data"]}
    assert set(artifacts) >= SEED_FILES
    assert all(artifacts[name]["description"] for name in SEED_FILES)


def test_the_adapter_can_be_downloaded(client: Packtrain, job: Job, tmp_path: Path) -> None:
    client.download(job["id"], tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert (tmp_path / "adapter_model.safetensors").stat().st_size > 10_000


def test_the_archive_is_a_tar_of_the_adapter(site: Site, job: Job) -> None:
    content = site.get(f"jobs/{job['id']}/archive").content
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
    assert any(name.endswith("adapter_model.safetensors") for name in names)
    assert not any("checkpoint-" in name for name in names)


def test_script_and_configuration_are_shown_as_they_ran(site: Site, job: Job) -> None:
    script, config = site.get(f"jobs/{job['id']}/script").text, site.get(f"jobs/{job['id']}/config").text
    assert "apptainer exec" in script
    assert "--nv" in script
    folder = f"packtrain/jobs/{job['id']}/1"
    assert site.on_cluster(f"cat {folder}/job.sh") == script
    assert site.on_cluster(f"cat {folder}/config.yaml") == config


def test_the_log_can_be_read(client: Packtrain, job: Job) -> None:
    assert "***** Running training *****" in client.logs(job["id"], stream="stderr", tail=2000).text


def test_slurm_had_it_once_under_a_safe_name(site: Site, job: Job) -> None:
    assert len(site.sacct(job)) == 1


def test_the_same_content_is_copied_once(client: Packtrain, site: Site, job: Job) -> None:
    again = client.upload_dataset(EXAMPLES / "datasets/ja-en-pairs.json")
    before = site.on_cluster("ls -l --time-style=full-iso packtrain/datasets")
    short = {"model_name_or_path": "tiny-llama", "template": "llama3", "max_steps": 2, "stage": "sft", "do_train": True}
    second = client.submit(config=short, datasets=[again["id"]])
    wait_status(client, second["id"], "succeeded")
    assert site.on_cluster("ls -l --time-style=full-iso packtrain/datasets") == before
