"""What is advised after a failure: kept to what the check accepts, and to the same effective batch."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jobs.attempt.retry_advice import Advice, FailedRun, Limits, advise, going_on
from tuning.jobs.request.resources import world_size
from tuning.jobs.request.time_limit import parse_time_limit
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.causes import CAUSES
from tuning.llamafactory.config.check import ConfigContext, check_config
from tuning.llamafactory.kinds import Kind

PLACES = AllowedPlaces(("/models",), {}, hub_models=False)
CONFIG: dict[str, Any] = {
    "model_name_or_path": "/models/a",
    "dataset": "identity",
    "template": "llama3",
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 8,
}
RESOURCES: dict[str, Any] = {"nodes": 1, "gpus_per_node": 1, "memory": "64G", "time_limit": "08:00:00"}


def failed(
    config: dict[str, Any] | None = None, kind: Kind = "train", limits: Limits | None = None, **more: Any
) -> FailedRun:
    operator = more.pop("operator", {})
    resources = {**RESOURCES, **more}
    context = ConfigContext(PLACES, operator_arguments=operator, kind=kind, processes=world_size(resources))
    return FailedRun({**CONFIG, **(config or {})}, resources, context, limits or Limits())


def test_a_batch_size_is_not_halved_for_ever() -> None:
    stored = failed({"per_device_train_batch_size": 2**61 - 1, "gradient_accumulation_steps": 1})
    assert config_after("cuda_out_of_memory", stored) is None


def config_after(code: str, run: FailedRun) -> dict[str, Any] | None:
    retry = advise(code, run).retry
    return None if retry is None else retry.get("config", {})


@pytest.mark.parametrize(
    ("config", "gpus", "changes"),
    [
        ({}, 1, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 16}),
        ({"per_device_train_batch_size": 3}, 1, {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 24}),
        (
            {"per_device_train_batch_size": 5, "gradient_accumulation_steps": 1},
            1,
            {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 5},
        ),
        ({"per_device_train_batch_size": 1}, 1, None),
        (
            {"per_device_train_batch_size": 1, "disable_gradient_checkpointing": True},
            1,
            {"disable_gradient_checkpointing": False},
        ),
        ({"per_device_train_batch_size": 1}, 4, {"deepspeed": "zero3"}),
        ({"per_device_train_batch_size": 1, "deepspeed": "ds_z2_config.json"}, 4, {"deepspeed": "zero3"}),
        ({"per_device_train_batch_size": 1, "deepspeed": "zero2_offload"}, 4, {"deepspeed": "zero3_offload"}),
        ({"per_device_train_batch_size": 1, "deepspeed": "zero3"}, 4, {"deepspeed": "zero3_offload"}),
        ({"per_device_train_batch_size": 1, "deepspeed": "zero3_offload"}, 4, None),
        ({"per_device_train_batch_size": 1, "pure_bf16": True}, 4, None),  # the check refuses it with ZeRO-3
        ({"per_device_train_batch_size": 1, "fsdp": "full_shard auto_wrap"}, 4, None),
    ],
)
def test_a_full_gpu_is_given_less_step_by_step(
    config: dict[str, Any], gpus: int, changes: dict[str, Any] | None
) -> None:
    run = failed(config, gpus_per_node=gpus)
    assert config_after("cuda_out_of_memory", run) == changes
    assert advise("cuda_out_of_memory", run).hint


@pytest.mark.parametrize("code", ["cuda_out_of_memory", "diverged"])
def test_arguments_that_are_no_numbers_are_no_obstacle(code: str) -> None:
    empty = dict.fromkeys(("per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate"))
    assert config_after(code, failed(empty)) is None


@pytest.mark.parametrize(
    ("node", "before", "nodes", "excluded"),
    [
        ("gpu07", None, None, "gpu07"),
        ("gpu07", "gpu01", 8, "gpu01,gpu07"),
        ("gpu07", None, 2, "gpu07"),
        (None, None, 8, None),
        ("gpu07", None, 1, None),
        ("gpu07", "gpu01", 2, None),
        ("gpu07", "x" * 500, None, None),
    ],
)
@pytest.mark.parametrize("code", ["node_fail", "launch_failed"])
def test_a_retry_keeps_away_from_a_node_at_fault(
    code: str, node: str | None, before: str | None, nodes: int | None, excluded: str | None
) -> None:
    run = replace(failed(limits=Limits(nodes=nodes), exclude=before), node=node)
    assert advise(code, run).retry == ({} if excluded is None else {"resources": {"exclude": excluded}})


def test_the_defaults_of_llamafactory_count() -> None:
    run = failed()
    silent = FailedRun({name: CONFIG[name] for name in ("model_name_or_path", "dataset")}, RESOURCES, run.context)
    assert config_after("cuda_out_of_memory", silent) == {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
    }


def test_what_the_operator_sets_is_not_advised() -> None:
    operator = {"per_device_train_batch_size": 4}
    assert config_after("cuda_out_of_memory", failed(operator=operator)) is None


def test_a_fixed_batch_of_an_own_deepspeed_file_is_not_contradicted() -> None:
    own = {"zero_optimization": {"stage": 2}, "train_micro_batch_size_per_gpu": 4}
    assert config_after("cuda_out_of_memory", failed({"deepspeed": own}, gpus_per_node=2)) is None


def test_answers_are_made_of_fewer_samples_at_a_time() -> None:
    run = failed({"per_device_eval_batch_size": 8}, kind="predict")
    assert config_after("cuda_out_of_memory", run) == {"per_device_eval_batch_size": 4}
    assert config_after("cuda_out_of_memory", failed(kind="export")) is None


@pytest.mark.parametrize(
    ("memory", "most", "advised"),
    [
        ("64G", None, "128G"),
        ("64G", 256_000, "128G"),
        ("64G", 100_000, "100000M"),
        ("64G", 65_536, None),
        ("8000", 16_000, "16000"),
        (None, None, None),
        ("999999999", None, None),
    ],
)
@pytest.mark.parametrize("code", ["out_of_memory", "killed"])
def test_a_full_host_is_asked_for_twice_the_memory(
    memory: str | None, most: int | None, advised: str | None, code: str
) -> None:
    retry = advise(code, failed(memory=memory, limits=Limits(memory_mb=most))).retry
    assert retry == (None if advised is None else {"resources": {"memory": advised}})


@pytest.mark.parametrize(
    ("asked", "most", "advised"),
    [
        ("08:00:00", None, "16:00:00"),
        ("90", 86_400, "03:00:00"),
        ("20:00:00", 86_400, "1-00:00:00"),
        ("1-00:00:00", 86_400, None),
        ("999-00", None, None),
        (None, None, None),
    ],
)
def test_twice_the_time_at_most_the_partitions(asked: str | None, most: int | None, advised: str | None) -> None:
    retry = advise("timeout", failed(time_limit=asked, limits=Limits(seconds=most))).retry
    assert retry == (None if advised is None else {"resources": {"time_limit": advised}})


@pytest.mark.parametrize(
    ("config", "kind", "changes"),
    [
        ({"learning_rate": 3e-4}, "train", {"learning_rate": 3e-5}),
        ({}, "train", {"learning_rate": 5e-6}),
        ({"fp16": True}, "train", {"fp16": False, "bf16": True}),
        ({}, "predict", None),
    ],
)
def test_a_run_that_diverged_is_made_tamer(config: dict[str, Any], kind: Kind, changes: dict[str, Any] | None) -> None:
    assert config_after("diverged", failed(config, kind)) == changes


@pytest.mark.parametrize("code", ["nccl", "rendezvous", "node_fail", "preempted", "stalled", "lost", "interrupted"])
def test_what_was_nobodys_fault_is_tried_again(code: str) -> None:
    assert advise(code, failed()).retry == {}


@pytest.mark.parametrize("code", ["dataset", "config", "model_files", "import", "permission", "disk_full", "container"])
def test_what_must_be_corrected_is_not_tried_again(code: str) -> None:
    assert advise(code, failed()).retry is None


any_config = st.fixed_dictionaries(
    {
        "per_device_train_batch_size": st.integers(1, 64),
        "gradient_accumulation_steps": st.integers(1, 64),
        "finetuning_type": st.sampled_from(["lora", "full", "freeze"]),
    },
    optional={
        "disable_gradient_checkpointing": st.booleans(),
        "deepspeed": st.sampled_from(["zero0", "zero2", "zero2_offload", "zero3", "zero3_offload"]),
        "use_galore": st.booleans(),
        "use_dora": st.booleans(),
        "pissa_init": st.booleans(),
        "quantization_bit": st.sampled_from([4, 8]),
        "pure_bf16": st.booleans(),
        "fp16": st.booleans(),
        "bf16": st.booleans(),
        "fsdp": st.just("full_shard auto_wrap"),
    },
)
codes = st.just("cuda_out_of_memory") | st.sampled_from(sorted({row.code for row in CAUSES}))


@given(codes, any_config, st.integers(1, 4), st.integers(0, 8), st.integers(60, 10**6))
def test_no_advice_changes_the_effective_batch_or_breaks_the_check(
    code: str, config: dict[str, Any], nodes: int, gpus: int, most: int
) -> None:
    run = failed(config, limits=Limits(most, most), nodes=nodes, gpus_per_node=gpus)
    retry = advise(code, run).retry
    if not retry:
        return
    after = {**run.config, **retry.get("config", {})}
    assert samples(after) == samples(run.config)
    assert errors(after, run) <= errors(run.config, run)
    resources = {**run.resources, **retry.get("resources", {})}
    assert resources == run.resources or parse_time_limit(resources["time_limit"]) <= max(most, 8 * 3600)


def samples(config: Any) -> int:
    product: int = config["per_device_train_batch_size"] * config["gradient_accumulation_steps"]
    return product


def errors(config: Any, run: FailedRun) -> set[str]:
    return {finding.message for finding in check_config(config, run.context).errors}


def test_a_retry_goes_on_from_the_newest_checkpoint_where_what_changes_allows_it() -> None:
    same = going_on("preempted", Advice({}), "job_a", 50)
    assert same.retry == {"resume_from": {"job": "job_a", "checkpoint": 50}}
    assert same.hint == "`packtrain retry job_a --from-checkpoint 50` goes on from its checkpoint 50"
    longer = going_on("timeout", Advice({"resources": {"time_limit": "2"}}, "more"), "job_a", 50)
    assert longer.retry == {"resources": {"time_limit": "2"}, "resume_from": {"job": "job_a", "checkpoint": 50}}
    assert str(longer.hint).startswith("more; ")
    assert going_on("crashed", Advice(None), "job_a", 50).retry is None


@pytest.mark.parametrize(
    ("code", "advice", "step"),
    [
        ("timeout", Advice({}), None),
        ("diverged", Advice({"config": {"bf16": True}}), 50),
        ("checkpoint", Advice(None), 50),
        ("cuda_out_of_memory", Advice({"config": {"deepspeed": "zero3"}}), 50),
    ],
)
def test_no_checkpoint_is_offered_that_is_of_no_use(code: str, advice: Advice, step: int | None) -> None:
    assert going_on(code, advice, "job_a", step) == advice
