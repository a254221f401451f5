"""DeepSpeed's ZeRO by the names that people have for it, and the configuration that is run.

The keys are DeepSpeed's (docs/_pages/config-json.md), "auto" is what transformers' integration fills in from the
training arguments (docs/source/en/deepspeed.md). LLaMA-Factory's wheel brings none of its examples' files, so packtrain
writes them.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

Preset = Literal["zero0", "zero2", "zero2_offload", "zero3", "zero3_offload"]
PRESETS: tuple[Preset, ...] = get_args(Preset)


@dataclass(frozen=True)
class Zero:
    """ZeRO's stage and offloading: the parts shared out over the GPUs, and the parts kept outside them."""

    stage: int = 0
    """1: the optimizer's states; 2: the gradients too; 3: the weights too."""
    offloads_optimizer: bool = False
    offloads_weights: bool = False


# What people write: zero3, ZeRO-3, ds_z3_config.json, examples/deepspeed/ds_z3_offload_config.json, and the last with
# /app/ before it, which is where LLaMA-Factory's own container image keeps them.
_NAME = re.compile(
    r"(?:(?:/app/|\./)?examples/deepspeed/)?(?:ds_|deepspeed_)?(?:zero|z|stage)[-_ ]?(?P<stage>[023])"
    r"(?P<offload>[-_ ]offload)?(?:_config)?(?:\.json)?",
    re.IGNORECASE,
)


def preset(value: object) -> Preset | None:
    """The preset that a `deepspeed` argument means; None for a file of the user's own or an inline configuration."""
    match = _NAME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    name = f"zero{match['stage']}{'_offload' if match['offload'] else ''}"
    return next((known for known in PRESETS if known == name), None)


def preset_elsewhere(value: object) -> Preset | None:
    """The preset that a path of another machine means: LLaMA-Factory's own example, in whatever folder."""
    folder, _, name = value.rpartition("/") if isinstance(value, str) else ("", "", "")
    return preset(name) if folder.rpartition("/")[2] == "deepspeed" and name.endswith(".json") else None


def render(name: Preset) -> dict[str, Any]:
    """The DeepSpeed configuration of a preset, to be written as JSON."""
    stage = int(name[len("zero")])
    return {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "zero_allow_untested_optimizer": True,  # LLaMA-Factory's optimizers are torch's and its own
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto", "loss_scale": 0, "initial_scale_power": 16, "loss_scale_window": 1000},
        "zero_optimization": {"stage": stage, **_partitioning(stage), **_offloading(stage, name)},
    }


def zero_of(config: object) -> Zero:
    """Stage and offloading that a `deepspeed` argument asks for: a preset's name, or an inline configuration.

    A file of the user's own lies on the cluster and is not read: it counts as stage 0, as does what says no stage.
    """
    known = preset(config)
    whole = render(known) if known else config
    zero = whole.get("zero_optimization") if isinstance(whole, dict) else None
    if not isinstance(zero, dict):
        return Zero()
    stage = zero.get("stage", 0)
    return Zero(
        stage=stage if isinstance(stage, int) and 0 <= stage <= 3 else 0,
        offloads_optimizer=_is_offloaded(zero.get("offload_optimizer")),
        offloads_weights=_is_offloaded(zero.get("offload_param")),
    )


def _is_offloaded(where: object) -> bool:
    return isinstance(where, dict) and where.get("device") in ("cpu", "nvme")


def _partitioning(stage: int) -> dict[str, Any]:
    if stage == 3:
        return {
            "overlap_comm": False,  # with it the GPUs hold two buckets more
            "contiguous_gradients": True,
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": True,  # else only shards are saved
        }
    buckets = {"allgather_bucket_size": 500_000_000, "reduce_bucket_size": 500_000_000}
    shared = {"allgather_partitions": True, "reduce_scatter": True, "contiguous_gradients": True, **buckets}
    return {**shared, "overlap_comm": False, "round_robin_gradients": True} if stage == 2 else shared


def _offloading(stage: int, name: str) -> dict[str, Any]:
    if not name.endswith("_offload"):
        return {}
    to_memory = {"device": "cpu", "pin_memory": True}
    return {"offload_optimizer": to_memory, **({"offload_param": to_memory} if stage == 3 else {})}
