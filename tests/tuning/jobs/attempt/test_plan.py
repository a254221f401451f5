"""What an attempt runs."""

import json
from typing import Any

import pytest
import yaml

from tests.factories import make_cluster_settings
from tuning.errors import InvalidInput
from tuning.jobs.attempt.inputs import AttemptInputs, plan_next
from tuning.jobs.attempt.plan import AttemptPlan, TrainingData
from tuning.jobs.models import Job
from tuning.settings import ClusterSettings

CONFIG = {"model_name_or_path": "/shared/models/tiny-qwen2", "dataset": "identity", "template": "qwen"}
REGISTER = {
    "identity": {"file_name": "identity.json"},
    "elsewhere": {"file_name": "/shared/data/x.json", "formatting": "sharegpt"},
    "hub": {"hf_hub_url": "org/data"},
}
ENTRY = {"formatting": "sharegpt", "columns": {"messages": "messages"}}
UPLOAD = TrainingData("ds_1", "chats", "ab" * 32, "jsonl", ENTRY)


def planned(config: dict[str, Any] = CONFIG, cluster: ClusterSettings | None = None, **given: Any) -> AttemptPlan:
    cluster = cluster or make_cluster_settings()
    resources = given.pop("resources", {"time_limit": "01:00:00", "nodes": 1, "gpus_per_node": 1})
    inputs = AttemptInputs(given.get("uploads", ()), given.get("register", REGISTER))
    job = Job(id="job_1", attempt=1, kind="train", config=config, resources=resources)
    plan = plan_next(job, cluster, inputs)
    assert isinstance(plan, AttemptPlan)
    return plan


def test_an_attempt_lies_in_its_own_folder_and_writes_into_its_jobs() -> None:
    plan = planned()
    assert plan.directory == "/shared/packtrain/jobs/job_1/2"
    config = yaml.safe_load(plan.files["config.yaml"])
    assert config["output_dir"] == "/shared/packtrain/jobs/job_1/output"
    assert config["dataset_dir"] == "/shared/packtrain/jobs/job_1/2/data"
    assert config == plan.config
    assert sorted(plan.files) == ["config.yaml", "data/dataset_info.json", "inside.pyz", "job.sh"]
    assert plan.files["job.sh"].decode() == plan.script


def test_its_register_holds_what_it_names_and_nothing_else() -> None:
    plan = planned({**CONFIG, "dataset": "identity, elsewhere", "eval_dataset": "hub"}, uploads=[UPLOAD])
    assert json.loads(plan.files["data/dataset_info.json"]) == {
        "ds_1": {
            "file_name": f"/shared/packtrain/datasets/{'ab' * 32}.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
        },
        "identity": {"file_name": "/mnt/data/identity.json"},
        "elsewhere": REGISTER["elsewhere"],
        "hub": REGISTER["hub"],
    }
    assert plan.config["dataset"] == "identity,elsewhere,ds_1"


def test_the_clusters_own_files_are_hashed_where_they_lie() -> None:
    script = planned({**CONFIG, "dataset": "identity, hub"}, uploads=[UPLOAD]).script
    assert "  data=( /shared/LLaMA-Factory/data/identity.json )\n" in script
    assert "hash_data" not in planned({**CONFIG, "dataset": "hub"}, uploads=[UPLOAD]).script


def test_an_archive_is_unpacked_beside_the_runs_register() -> None:
    columns = {"messages": "messages", "images": "images"}
    entry = {"formatting": "sharegpt", "columns": columns, "file_name": "media/ab/rows.jsonl"}
    packed = TrainingData("ds_2", "cups", "cd" * 32, "tar", entry)
    plan = planned({**CONFIG, "template": "qwen2_vl"}, uploads=[UPLOAD, packed])
    assert json.loads(plan.files["data/dataset_info.json"])["ds_2"] == entry
    assert plan.config["media_dir"] == plan.config["dataset_dir"] == f"{plan.directory}/data"
    assert f"archives=( {'cd' * 32}.tar )" in plan.script
    assert "datasets/" + "cd" * 32 not in plan.script.partition("own_places=")[2].partition("\n")[0]


def test_media_that_lie_on_the_cluster_begin_beside_their_data() -> None:
    entry = {"formatting": "sharegpt", "columns": {"messages": "messages", "images": "images"}}
    found = TrainingData(
        "ds_2", "cups", "cd" * 32, "jsonl", entry, cluster="lab", cluster_path="/shared/data/c/rows.json"
    )
    plan = planned({**CONFIG, "template": "qwen2_vl"}, uploads=[found])
    assert plan.config["media_dir"] == "/shared/data/c"
    assert "archives=( )" in plan.script


def test_uploads_alone_are_trained_on_alone() -> None:
    plan = planned({name: CONFIG[name] for name in ("model_name_or_path", "template")}, uploads=[UPLOAD])
    assert (plan.config["dataset"], list(plan.dataset_info)) == ("ds_1", ["ds_1"])


def test_a_name_that_the_cluster_no_longer_knows_cannot_be_run() -> None:
    with pytest.raises(InvalidInput, match="Undefined dataset"):
        planned(register={})


def test_without_a_checkout_no_name_is_known() -> None:
    with pytest.raises(InvalidInput, match="Undefined dataset"):
        planned(cluster=make_cluster_settings(llamafactory_checkout=None), register=None)


def test_for_looking_at_nothing_need_be_known_of_the_cluster() -> None:
    assert planned(register=None).dataset_info == {}


def test_a_model_that_the_settings_no_longer_allow_cannot_be_run() -> None:
    with pytest.raises(InvalidInput, match="outside"):
        planned(cluster=make_cluster_settings(allowed_roots=("/other",), models={}))


def test_the_container_sees_the_models_and_the_checkout() -> None:
    cluster = make_cluster_settings(
        allowed_roots=("/shared/models", "/data/"),
        models={"a": "/shared/models/a", "b": "/elsewhere/b"},
        binds=("/scratch:/scratch:rw",),
        environment={"WANDB_MODE": "offline"},
        container_gpu_flag="--rocm",
    )
    plan = planned(cluster=cluster)
    binds = ["/shared/models:/shared/models:ro", "/data:/data:ro", "/elsewhere/b:/elsewhere/b:ro"]
    binds += ["/shared/LLaMA-Factory:/mnt:ro", "/scratch:/scratch:rw"]
    assert f"  binds=( {' '.join(binds)} )\n" in plan.script
    assert "  gpu_flags=( --rocm )\n" in plan.script
    assert "environment=( WANDB_MODE=offline )" in plan.script
    assert "workdir=/mnt\n" in plan.script


def test_slurm_is_asked_for_what_the_job_asks_for() -> None:
    resources = {
        "cluster": "lab",
        "time_limit": "02:00:00",
        "nodes": 2,
        "gpus_per_node": 4,
        "gpu_type": "a100",
        "qos": None,
    }
    script = planned(resources=resources).script
    assert "#SBATCH --nodes=2\n" in script
    assert "#SBATCH --gres=gpu:a100:4\n" in script
    assert "qos" not in script


def test_the_operators_arguments_lie_over_the_jobs() -> None:
    plan = planned({**CONFIG, "bf16": True}, cluster=make_cluster_settings(arguments={"bf16": False, "use_cpu": True}))
    assert (plan.config["bf16"], plan.config["use_cpu"]) == (False, True)
