"""What an attempt of a served model runs."""

from typing import Any

import yaml

from tests.factories import make_cluster_settings
from tuning.jobs.attempt.serve_plan import ServedModel, ServePlan, plan_serve
from tuning.llamafactory.kinds import SourceModel

RESOURCES = {"cluster": "lab", "nodes": 1, "gpus_per_node": 1, "cpus_per_gpu": 2, "time_limit": "08:00:00"}
BASE = {"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen"}
TUNED = SourceModel("/shared/models/tiny-qwen2", "jobs/job_1/output", "qwen", "lora")


def planned(config: dict[str, Any], source: SourceModel | None = None, **settings: Any) -> ServePlan:
    cluster = make_cluster_settings().model_copy(update=settings)
    return plan_serve(ServedModel("job_2", 1, config, RESOURCES, source), cluster)


def test_it_sends_the_program_and_its_configuration() -> None:
    plan = planned(BASE)
    assert sorted(plan.files) == ["config.yaml", "inside.pyz", "job.sh"]
    assert yaml.safe_load(plan.config_yaml) == {"infer_backend": "huggingface", **BASE}


def test_an_adapter_lies_over_its_model() -> None:
    plan = planned({"template": "qwen"}, TUNED)
    assert plan.config["model_name_or_path"] == "/shared/models/tiny-qwen2"
    assert plan.config["adapter_name_or_path"] == "/shared/packtrain/jobs/job_1/output"
    assert plan.config["finetuning_type"] == "lora"
    assert "own_places=( jobs/job_2 jobs/job_1/output )" in plan.script


def test_of_the_operators_arguments_it_has_those_of_inference() -> None:
    plan = planned(BASE, arguments={"use_cpu": True, "flash_attn": "disabled"})
    assert plan.config["flash_attn"] == "disabled"
    assert "use_cpu" not in plan.config


def test_code_of_a_model_runs_only_where_the_operator_trusts_it() -> None:
    models = {"tiny-qwen2": BASE["model_name_or_path"]}
    assert "trust_remote_code" not in planned(BASE, models=models).config
    assert planned(BASE, models=models, trusted_models=("tiny-qwen2",)).config["trust_remote_code"] is True


def test_its_key_is_a_secret_and_stands_in_no_script() -> None:
    script = planned(BASE, serve_requests_at_once=7).script
    assert "secrets=( API_KEY )" in script
    assert "MAX_CONCURRENT=7" in script
    assert "command=serve\n" in script
    assert "#SBATCH --time=08:00:00\n" in script
