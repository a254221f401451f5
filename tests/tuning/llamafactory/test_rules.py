"""Every row of the table: a run that breaks it, and what is said then. tests/e2e/test_check.py asks the real parser."""

from typing import Any

import pytest

from tuning.llamafactory.arguments import load_schema
from tuning.llamafactory.kinds import KINDS, Kind
from tuning.llamafactory.rules import RULES, Run, check_rules

SCHEMA = load_schema("0.9.5")
DATA = {"train": {"dataset": "a"}, "predict": {"eval_dataset": "a"}, "export": {}}
FULL = {"finetuning_type": "full"}
PLAIN_ADAM = {"optim": "adamw_torch"}
EVALUATES = {"eval_strategy": "steps", "val_size": 0.1}
ZERO3 = {"deepspeed": "zero3"}
ZERO2_OWN = {"zero_optimization": {"stage": 2}}
ADAPTERS = {"adapter_name_or_path": "/a,/b"}
PPO = {"stage": "ppo", "reward_model": "/r"}
RANKED = ({"ranking": True},)
PLAIN = ({"formatting": "alpaca"},)
MARKED = ({"columns": {"prompt": "question", "response": "answer", "kto_tag": "label"}},)
TEXT = ({"columns": {"prompt": "text"}},)


def run(kind: Kind = "train", /, **arguments: Any) -> Run:
    row = KINDS[kind]
    about = {name: arguments.pop(name) for name in ("processes", "entries", "is_counted") if name in arguments}
    sound = {**SCHEMA.defaults, "template": "llama3", **row.defaults, **row.fixed, **DATA[kind], **arguments}
    return Run(sound, templates_ending_once=SCHEMA.templates_ending_once, **about)


def broken(kind: Kind = "train", /, **arguments: Any) -> list[str]:
    """The arguments that findings point at, with a question mark behind those of mere warnings."""
    found = check_rules(run(kind, **arguments), RULES, kind)
    return [f"{finding.loc[1]}{'?' if finding.severity == 'warning' else ''}" for finding in found]


@pytest.mark.parametrize("kind", ["train", "predict"])
def test_the_defaults_break_no_rule(kind: Kind) -> None:
    assert broken(kind) == []


def test_a_merge_breaks_no_rule() -> None:
    assert broken("export", adapter_name_or_path="/a") == []


TRAIN_CASES: list[tuple[dict[str, Any], str]] = [
    # stages
    ({"stage": "dpo", "predict_with_generate": True, "eval_dataset": "b"}, "predict_with_generate"),
    ({"stage": "kto", "neat_packing": True}, "neat_packing"),
    ({"stage": "rm", "train_on_prompt": True}, "train_on_prompt"),
    ({"stage": "pt", "mask_history": True}, "mask_history"),
    ({"stage": "rm", "load_best_model_at_end": True, **EVALUATES}, "load_best_model_at_end"),
    ({"stage": "rm", **FULL}, "stage?"),
    ({"stage": "dpo", "pref_loss": "orpo", "dpo_label_smoothing": 0.1}, "dpo_label_smoothing"),
    ({"pref_loss": "simpo"}, "pref_loss?"),
    ({"stage": "dpo", "pref_loss": "simpo", "ref_model": "/r"}, "ref_model?"),
    ({**PPO}, "stage"),
    ({"stage": "ppo"}, "stage reward_model"),
    ({**PPO, **FULL}, "stage reward_model_type"),
    ({**PPO, "shift_attn": True}, "stage shift_attn"),
    ({**PPO, "use_kt": True}, "stage use_kt use_kt?"),
    ({**PPO, "use_unsloth": True}, "stage use_unsloth use_unsloth?"),
    ({**PPO, "report_to": "mlflow"}, "stage report_to report_to?"),
    # data
    ({"val_size": 0.1, "eval_dataset": "x"}, "val_size"),
    ({"val_size": 0.1, "dataset": None}, "val_size"),
    ({"val_size": 1.0}, "val_size"),
    ({"eval_strategy": "steps"}, "eval_strategy"),
    ({"do_eval": True}, "eval_strategy"),
    ({"max_samples": -1}, "max_samples"),
    ({"cutoff_len": 0}, "cutoff_len"),
    ({"streaming": True}, "max_steps"),
    ({"streaming": True, "max_steps": 5, "val_size": 0.1}, "val_size"),
    ({"streaming": True, "max_steps": 5, "max_samples": 5}, "max_samples"),
    ({"streaming": True, "max_steps": 5, "tokenized_path": "/t"}, "tokenized_path?"),
    ({"mask_history": True, "train_on_prompt": True, "template": "qwen"}, "mask_history"),
    ({"interleave_probs": "1.0"}, "interleave_probs"),
    ({"interleave_probs": "all", "mix_strategy": "interleave_under"}, "interleave_probs"),
    ({"interleave_probs": "0.5,0.5", "mix_strategy": "interleave_under"}, "interleave_probs"),
    (
        {"dataset": "a,b", "interleave_probs": "0.5,0.5", "mix_strategy": "interleave_under", "eval_dataset": "c"},
        "interleave_probs",
    ),
    ({"dataset": "a,b", "interleave_probs": "0.5,0.6", "mix_strategy": "interleave_over"}, "interleave_probs"),
    ({"neat_packing": True, "packing": False}, "neat_packing?"),
    ({"stage": "dpo", "packing": True}, "packing?"),
    ({"train_on_prompt": True, "template": "chatglm3"}, "train_on_prompt"),
    ({"template": None}, "template?"),
    ({"stage": "dpo", "entries": PLAIN}, "stage"),
    ({"stage": "rm", "entries": PLAIN}, "stage"),
    ({"entries": RANKED}, "stage"),
    ({"stage": "kto", "entries": PLAIN}, "stage"),
    ({"entries": MARKED}, "stage"),
    ({"entries": TEXT}, "stage"),
    ({"stage": "kto", "entries": TEXT}, "stage stage"),
    ({"stage": "pt", "entries": PLAIN}, "stage?"),
    ({"entries": ({"formatting": "openai"},)}, "dataset?"),
    ({"image_max_pixels": 1}, "image_max_pixels"),
    ({"video_max_pixels": 1}, "video_max_pixels"),
    # the method
    ({"adapter_name_or_path": "/a", **FULL}, "adapter_name_or_path"),
    ({"lora_rank": 0}, "lora_rank"),
    ({"lora_dropout": 1.0}, "lora_dropout"),
    ({"finetuning_type": "oft", "oft_rank": 8}, "oft_block_size"),
    ({"quantization_bit": 4, **FULL}, "quantization_bit"),
    ({"quantization_bit": 3}, "quantization_bit"),
    ({"quantization_bit": 7, "quantization_method": "hqq"}, "quantization_bit quantization_method?"),
    ({"quantization_bit": 4, "quantization_method": "eetq"}, "quantization_bit quantization_method?"),
    ({"quantization_bit": 4, "quantization_method": "gptq"}, "quantization_method?"),
    ({"quantization_bit": 8, "processes": 2, **ZERO3}, "quantization_bit"),
    ({"quantization_bit": 8, "fsdp": "full_shard auto_wrap"}, "quantization_bit"),
    ({"quantization_device_map": "auto"}, "quantization_device_map"),
    ({"quantization_bit": 4, "resize_vocab": True}, "quantization_bit"),
    ({"quantization_bit": 4, "adapter_name_or_path": "/a", "create_new_adapter": True}, "quantization_bit"),
    ({"quantization_bit": 4, **ADAPTERS}, "quantization_bit"),
    ({"quantization_bit": 4, "fp8": True}, "fp8"),
    ({"use_dora": True, **FULL}, "use_dora"),
    ({"use_rslora": True, **FULL}, "use_rslora"),
    ({"pissa_init": True, **FULL}, "pissa_init"),
    ({"loraplus_lr_ratio": 16.0, **FULL}, "loraplus_lr_ratio"),
    ({"use_dora": True, "quantization_bit": 4, "quantization_method": "hqq"}, "use_dora quantization_method?"),
    ({"pissa_init": True, "quantization_bit": 4}, "pissa_init"),
    ({"pissa_init": True, "stage": "dpo"}, "pissa_init"),
    ({"pissa_init": True, "stage": "kto"}, "pissa_init"),
    ({"pissa_init": True, "processes": 2, **ZERO3}, "pissa_init"),
    ({"use_llama_pro": True, **FULL}, "use_llama_pro"),
    ({"use_galore": True, **PLAIN_ADAM}, "use_galore use_galore?"),
    ({"use_apollo": True, **PLAIN_ADAM}, "use_apollo use_apollo?"),
    ({"use_galore": True, **FULL}, "optim use_galore?"),
    ({"use_apollo": True, "optim": "adafactor", **FULL}, "optim use_apollo?"),
    ({"use_badam": True}, "use_badam use_badam?"),
    ({"use_galore": True, "use_apollo": True, **PLAIN_ADAM, **FULL}, "use_galore use_galore? use_apollo?"),
    (
        {"use_galore": True, "galore_layerwise": True, "gradient_accumulation_steps": 2, **PLAIN_ADAM, **FULL},
        "galore_layerwise use_galore?",
    ),
    (
        {"use_apollo": True, "apollo_layerwise": True, "gradient_accumulation_steps": 2, **PLAIN_ADAM, **FULL},
        "apollo_layerwise use_apollo?",
    ),
    ({"stage": "dpo", "ref_model": "/r", "ref_model_quantization_bit": 3}, "ref_model_quantization_bit"),
    ({"reward_model_quantization_bit": 3}, "reward_model_quantization_bit"),
    ({"infer_backend": "vllm"}, "infer_backend"),
    ({"flash_attn": "fa3"}, "flash_attn"),
    ({"use_kt": True, **FULL}, "use_kt use_kt?"),
    ({"use_unsloth": True, **ADAPTERS}, "use_unsloth use_unsloth?"),
    ({"use_unsloth": True, "finetuning_type": "oft"}, "use_unsloth use_unsloth?"),
    # several GPUs
    ({"predict_with_generate": True, "eval_dataset": "b", "processes": 2, **ZERO3}, "predict_with_generate"),
    ({"pure_bf16": True, "processes": 2, **ZERO3}, "pure_bf16"),
    ({"use_unsloth": True, "processes": 2, **ZERO3}, "use_unsloth use_unsloth?"),
    ({"use_kt": True, "processes": 2, **ZERO3}, "use_kt use_kt?"),
    ({"use_galore": True, "deepspeed": "zero2", "processes": 2, **PLAIN_ADAM, **FULL}, "deepspeed use_galore?"),
    (
        {"use_galore": True, "galore_layerwise": True, "processes": 2, **PLAIN_ADAM, **FULL},
        "galore_layerwise use_galore?",
    ),
    (
        {"use_apollo": True, "apollo_layerwise": True, "processes": 2, **PLAIN_ADAM, **FULL},
        "apollo_layerwise use_apollo?",
    ),
    ({"use_badam": True, "badam_mode": "ratio", "processes": 2, **FULL}, "badam_mode use_badam?"),
    ({"auto_find_batch_size": True, "processes": 2, **ZERO3}, "auto_find_batch_size"),
    ({"use_badam": True, "processes": 2, "deepspeed": "zero2", **FULL}, "use_badam use_badam?"),
    ({"processes": 2, **ADAPTERS, **ZERO3}, "adapter_name_or_path"),
    ({"processes": 2, "fsdp": "full_shard", "deepspeed": "zero2"}, "fsdp"),
    ({"fsdp": "half_shard"}, "fsdp"),
    ({"fsdp": "offload"}, "fsdp"),
    ({"fsdp": ["full_shard", "shard_grad_op"]}, "fsdp"),
    ({"deepspeed": {"train_batch_size": "auto"}, "processes": 2}, "deepspeed"),
    ({"deepspeed": {"train_micro_batch_size_per_gpu": 4, **ZERO2_OWN}, "processes": 2}, "deepspeed"),
    ({"deepspeed": {"gradient_accumulation_steps": 4, **ZERO2_OWN}, "processes": 2}, "deepspeed"),
    ({"deepspeed": {"train_batch_size": 8, **ZERO2_OWN}, "processes": 2}, "deepspeed"),
    ({"deepspeed": "zero2"}, "deepspeed?"),
    # training
    ({"per_device_train_batch_size": 0}, "per_device_train_batch_size"),
    ({"per_device_eval_batch_size": 0, **EVALUATES}, "per_device_eval_batch_size"),
    ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps"),
    ({"num_train_epochs": 0.0}, "num_train_epochs"),
    ({"learning_rate": -1e-4}, "learning_rate"),
    ({"warmup_steps": -1.0}, "warmup_steps"),
    ({"warmup_ratio": -0.1}, "warmup_steps"),
    ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "lr_scheduler_type"),
    ({"lr_scheduler_type": "cosine_with_min_lr"}, "lr_scheduler_kwargs"),
    ({"lr_scheduler_type": "cosine_warmup_with_min_lr", "lr_scheduler_kwargs": {}}, "lr_scheduler_kwargs"),
    ({"train_sampling_strategy": "length"}, "train_sampling_strategy"),
    ({"fp16": True, "bf16": True}, "fp16"),
    ({"fp16_full_eval": True, "bf16_full_eval": True}, "fp16_full_eval"),
    ({"pure_bf16": True, "use_cpu": True}, "pure_bf16"),
    ({"tf32": True, "use_cpu": True}, "tf32"),
    ({"dataloader_prefetch_factor": 2}, "dataloader_prefetch_factor"),
    ({"dataloader_persistent_workers": True}, "dataloader_persistent_workers"),
    ({"torch_empty_cache_steps": 0}, "torch_empty_cache_steps"),
    ({"debug": "overflow"}, "debug"),
    ({"log_level": "loud"}, "log_level"),
    ({"log_level_replica": "loud"}, "log_level_replica"),
    ({"logging_strategy": "no"}, "logging_steps"),
    ({"logging_steps": -5}, "logging_steps"),
    ({"logging_steps": 0}, "logging_steps"),
    ({"logging_steps": 1.5}, "logging_steps"),
    ({"eval_steps": 1.5, **EVALUATES}, "eval_steps"),
    ({"save_steps": 1.5}, "save_steps"),
    ({"eval_steps": -1.0, **EVALUATES}, "eval_steps"),
    ({"save_steps": 0.0}, "save_steps?"),
    ({"save_strategy": "no"}, "save_steps?"),
    ({"do_predict": True, "val_size": 0.1}, "do_predict"),
    ({"compute_accuracy": True, "predict_with_generate": True, "val_size": 0.1}, "compute_accuracy"),
    ({"early_stopping_steps": 3}, "early_stopping_steps"),
    ({"early_stopping_steps": 3, **EVALUATES}, "early_stopping_steps"),
    ({"early_stopping_steps": 3, "metric_for_best_model": "eval_loss", **EVALUATES}, "early_stopping_steps?"),
    ({"save_strategy": "best"}, "save_strategy"),
    ({"save_strategy": "best", **EVALUATES}, "save_strategy"),
    ({"load_best_model_at_end": True, "save_strategy": "epoch", **EVALUATES}, "load_best_model_at_end"),
    ({"load_best_model_at_end": True, "eval_steps": 300.0, **EVALUATES}, "save_steps"),
    ({"load_best_model_at_end": True, "eval_steps": 0.1, **EVALUATES}, "save_steps"),
    ({"load_best_model_at_end": True, "eval_steps": 0.1, "save_steps": 0.25, **EVALUATES}, "save_steps"),
    ({"save_only_model": True}, "save_only_model?"),
    ({"report_to": "wandbx"}, "report_to"),
    ({"report_to": None}, "report_to"),
    ({"report_to": "wandb"}, "report_to?"),
    ({"report_to": ["tensorboard", "swanlab"]}, "report_to? report_to?"),
    ({"report_to": "trackio", "project": ""}, "report_to? report_to? project"),
    ({"report_to": "tensorboard"}, "report_to?"),
    # packages
    ({"use_adam_mini": True}, "use_adam_mini?"),
    ({"enable_liger_kernel": True}, "enable_liger_kernel?"),
    ({"use_liger_kernel": True}, "use_liger_kernel?"),
    ({"mixture_of_depths": "convert"}, "mixture_of_depths?"),
    ({"use_hyper_parallel": True}, "use_hyper_parallel?"),
    ({"use_swanlab": True}, "use_swanlab?"),
    ({"flash_attn": "fa2"}, "flash_attn?"),
    ({"quantization_bit": 8, "quantization_method": "eetq"}, "quantization_method?"),
]
EXPORT_CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "adapter_name_or_path?"),
    ({"adapter_name_or_path": "/a", "quantization_bit": 4}, "quantization_bit"),
    ({"export_quantization_bit": 4}, "export_quantization_bit export_quantization_bit?"),
    (
        {"export_quantization_bit": 4, "export_quantization_dataset": "/c", "adapter_name_or_path": "/a"},
        "export_quantization_bit export_quantization_bit?",
    ),
    (
        {"export_quantization_bit": 5, "export_quantization_dataset": "/c"},
        "export_quantization_bit export_quantization_bit?",
    ),
    ({"adapter_name_or_path": "/a", "export_size": 0}, "export_size"),
    ({"adapter_name_or_path": "/a", "export_legacy_format": True}, "export_legacy_format?"),
    ({"adapter_name_or_path": "/a", "infer_backend": "vllm"}, "infer_backend"),
    ({"adapter_name_or_path": "/a", "val_size": 0.1}, "val_size"),
]
CASES: list[tuple[Kind, dict[str, Any], str]] = [
    *(("train", arguments, found) for arguments, found in TRAIN_CASES),
    *(("export", arguments, found) for arguments, found in EXPORT_CASES),
]


@pytest.mark.parametrize(("kind", "arguments", "found"), CASES)
def test_each_row_sees_what_it_is_for(kind: Kind, arguments: dict[str, Any], found: str) -> None:
    assert sorted(broken(kind, **arguments)) == sorted(found.split())


def test_every_row_is_seen_by_a_case() -> None:
    seen = {
        rule
        for kind, arguments, _ in CASES
        for rule in RULES
        if kind in rule.kinds and rule.broken(run(kind, **arguments))
    }
    assert [rule.message for rule in RULES if rule not in seen] == []


def test_every_row_points_at_an_argument_and_says_what_to_do() -> None:
    for rule in RULES:
        assert rule.about in SCHEMA.arguments
        assert rule.message
        assert rule.hint
        assert rule.reference
        for kind in rule.kinds:
            assert not KINDS[kind].classes.isdisjoint(SCHEMA.arguments[rule.about].classes), (rule, kind)


SOUND: list[dict[str, Any]] = [
    EVALUATES,
    {"save_strategy": "epoch"},
    {"eval_strategy": "epoch", "eval_dataset": "x"},
    {"early_stopping_steps": 3, "load_best_model_at_end": True, **EVALUATES},
    {"load_best_model_at_end": True, **EVALUATES},
    {"load_best_model_at_end": True, "eval_steps": 0.1, "save_steps": 0.2, **EVALUATES},
    {"load_best_model_at_end": True, "save_strategy": "best", "eval_strategy": "epoch", "val_size": 0.1},
    {"quantization_bit": 4},
    {"quantization_bit": 4, "use_dora": True, "processes": 2, **ZERO3},
    {"use_dora": True},
    {"pissa_init": True, "stage": "dpo", "pref_loss": "orpo", "entries": RANKED},
    {"max_samples": 1000},
    {"neat_packing": True},
    {"val_size": 10.0},
    {"stage": "pt", "template": None, "entries": TEXT},
    {"stage": "dpo", "entries": RANKED},
    {"stage": "rm", "entries": RANKED},
    {"stage": "kto", "entries": MARKED},
    {"stage": "pt", "entries": TEXT},
    {"entries": ({"columns": {"prompt": "question", "response": "answer"}}, {"formatting": "sharegpt"})},
    {"finetuning_type": "oft", "oft_rank": 8, "oft_block_size": 0},
    {"finetuning_type": "freeze", "use_llama_pro": True},
    {"dataset": "a,b", "interleave_probs": "0.7, 0.3", "mix_strategy": "interleave_under"},
    {"interleave_probs": "0.7,0.3", "mix_strategy": "interleave_under", "is_counted": False},
    {"deepspeed": "zero3_offload"},
    {"deepspeed": {"train_batch_size": 16, "train_micro_batch_size_per_gpu": "auto", **ZERO2_OWN}, "processes": 2},
    {"fsdp": "full_shard auto_wrap", "processes": 2},
    {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-6}},
    {"eval_strategy": "steps", "eval_steps": 0.0, "val_size": 0.1},
]


@pytest.mark.parametrize("arguments", SOUND)
def test_sound_combinations_pass(arguments: dict[str, Any]) -> None:
    assert broken(**arguments) == []


def test_predictions_are_made_with_stage_sft() -> None:
    assert broken("predict", stage="dpo") == ["predict_with_generate"]
