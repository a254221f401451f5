"""Rules about several GPUs: DeepSpeed's ZeRO, FSDP, the number of processes."""

from collections.abc import Mapping
from typing import Any

from tuning.llamafactory.config.deepspeed import zero_of
from tuning.llamafactory.rules.rule import TRAINS, Rule, Run, names

_SHARDINGS = frozenset(
    {"full_shard", "shard_grad_op", "no_shard", "hybrid_shard", "hybrid_shard_zero2", "offload", "auto_wrap"}
)
"""transformers.trainer_utils.FSDPOption"""


def _inline(a: Run) -> Mapping[str, Any]:
    return a["deepspeed"] if isinstance(a["deepspeed"], Mapping) else {}


def _contradicts(a: Run, key: str, value: int) -> bool:
    said = _inline(a).get(key, "auto")
    return isinstance(said, int) and said != value


def _sharding_words(a: Run) -> list[str]:
    return a["fsdp"].split() if isinstance(a["fsdp"], str) else names(a["fsdp"])


def _on_one_gpu(name: str) -> Rule:
    return Rule(
        f"{name}_layerwise",
        lambda a: a[f"use_{name}"] and a[f"{name}_layerwise"] and a.is_distributed,
        "layer by layer it runs on one GPU only",
        f"remove {name}_layerwise, or ask for one GPU",
        "parser",
    )


PARALLEL: tuple[Rule, ...] = (
    Rule(
        "predict_with_generate",
        lambda a: a["predict_with_generate"] and a.has_zero3,
        "nothing can be generated from weights that ZeRO-3 has sharded",
        "use ZeRO-2, or predict in a job of its own (kind predict) without deepspeed",
        "parser",
    ),
    Rule(
        "pure_bf16",
        lambda a: a["pure_bf16"] and a.has_zero3,
        "pure_bf16 does not go with ZeRO-3",
        "set bf16: true in its place, or use ZeRO-2",
        "parser",
    ),
    Rule(
        "use_unsloth",
        lambda a: a["use_unsloth"] and a.has_zero3,
        "Unsloth does not go with ZeRO-3",
        "use ZeRO-2, or remove use_unsloth",
        "parser",
    ),
    Rule(
        "use_kt",
        lambda a: a["use_kt"] and a.has_zero3,
        "KTransformers does not go with ZeRO-3",
        "use ZeRO-2, or remove use_kt",
        "parser",
    ),
    Rule(
        "deepspeed",
        lambda a: a["deepspeed"] is not None and (a["use_galore"] or a["use_apollo"]),
        "GaLore and APOLLO do not go with DeepSpeed",
        "remove deepspeed",
        "parser",
    ),
    *(_on_one_gpu(name) for name in ("galore", "apollo")),
    Rule(
        "auto_find_batch_size",
        lambda a: a["auto_find_batch_size"] and a.has_zero3,
        "auto_find_batch_size does not go with ZeRO-3",
        "set per_device_train_batch_size yourself, or use ZeRO-2",
        "transformers, Trainer",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "badam_mode",
        lambda a: a["use_badam"] and a["badam_mode"] == "ratio" and a.is_distributed,
        "BAdam by ratio runs on one GPU only",
        "set badam_mode: layer with deepspeed: zero3, or ask for one GPU",
        "parser",
    ),
    Rule(
        "use_badam",
        lambda a: a["use_badam"] and a["badam_mode"] == "layer" and a.is_distributed and not a.has_zero3,
        "BAdam layer by layer runs on several GPUs with ZeRO-3 only",
        "set deepspeed: zero3, or ask for one GPU",
        "parser",
    ),
    Rule(
        "adapter_name_or_path",
        lambda a: a.has_zero3 and len(names(a["adapter_name_or_path"])) > 1,
        "with ZeRO-3 there can be one adapter",
        "merge the adapters first (kind export)",
        "model/adapter.py",
        stricter=True,
    ),
    Rule(
        "fsdp",
        lambda a: bool(a["fsdp"]) and a["deepspeed"] is not None,
        "fsdp and deepspeed are two ways to do the same",
        "remove one of them",
        "accelerate",
        stricter=True,
    ),
    Rule(
        "fsdp",
        lambda a: bool(set(_sharding_words(a)) - _SHARDINGS),
        "fsdp holds a word that transformers does not know",
        f"it may hold: {', '.join(sorted(_SHARDINGS))}; most people want 'full_shard auto_wrap'",
        "transformers",
    ),
    Rule(
        "fsdp",
        lambda a: set(_sharding_words(a)) == {"offload"} or {"full_shard", "shard_grad_op"} <= set(_sharding_words(a)),
        "fsdp needs one of full_shard and shard_grad_op, and offload only beside it",
        "set fsdp: full_shard auto_wrap",
        "transformers",
    ),
    Rule(
        "deepspeed",
        lambda a: isinstance(a["deepspeed"], Mapping) and "zero_optimization" not in a["deepspeed"],
        "the DeepSpeed configuration says nothing of zero_optimization",
        "set deepspeed: zero2 or zero3 for packtrain's own, or add zero_optimization with its stage",
        "accelerate",
    ),
    Rule(
        "deepspeed",
        lambda a: _contradicts(a, "train_micro_batch_size_per_gpu", a["per_device_train_batch_size"]),
        "train_micro_batch_size_per_gpu is not per_device_train_batch_size",
        'write "auto" in the DeepSpeed configuration',
        "transformers, integrations/deepspeed.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "deepspeed",
        lambda a: _contradicts(a, "gradient_accumulation_steps", a["gradient_accumulation_steps"]),
        "gradient_accumulation_steps of the DeepSpeed configuration is another than the run's",
        'write "auto" in the DeepSpeed configuration',
        "transformers, integrations/deepspeed.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "deepspeed",
        lambda a: _contradicts(
            a,
            "train_batch_size",
            a.processes * a["per_device_train_batch_size"] * a["gradient_accumulation_steps"],
        ),
        "train_batch_size is not GPUs x per_device_train_batch_size x gradient_accumulation_steps",
        'write "auto" in the DeepSpeed configuration, or ask for the GPUs that it counts on',
        "transformers, integrations/deepspeed.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "deepspeed",
        lambda a: a["deepspeed"] is not None and a.processes == 1 and not zero_of(a["deepspeed"]).offloads_optimizer,
        "ZeRO shares the memory of several GPUs: on one it saves nothing",
        "ask for more GPUs, or set deepspeed: zero2_offload or zero3_offload, or remove deepspeed",
        "packtrain",
        "warning",
        kinds=TRAINS,
    ),
)
