"""Bounds of LLaMA-Factory's numeric arguments: from the least to the most that is accepted, and the reason.

Where torch, transformers or LLaMA-Factory refuse a number themselves, the bound is theirs; elsewhere it is far beyond
what any run can use, so that only mistakes and hostile numbers are refused, and all arithmetic stays in range. What a
number means beside others (a warm-up below 0, a batch of 0) is for tuning.llamafactory.rules to say.
"""

from collections.abc import Mapping
from typing import NamedTuple

MAX_TEXT_CHARACTERS = 10_000
"""Of one argument's text: a path has at most 4,096."""
_MAX_NAMES_CHARACTERS = 40_000
_NAMES = frozenset({"add_tokens", "add_special_tokens"})
"""Texts that name all words that a model learns anew, of which there may be a thousand."""
MAX_ITEMS = 1_000
"""Of one argument's list."""
LARGEST_STEPS = 1_000_000_000
LARGEST_BATCH = 1_000_000


class Bound(NamedTuple):
    """The least and the most that an argument may be."""

    least: float
    most: float
    reason: str


def most_characters(name: str) -> int:
    """The most characters that the text of an argument may have."""
    return _MAX_NAMES_CHARACTERS if name in _NAMES else MAX_TEXT_CHARACTERS


def bound_of(name: str) -> Bound:
    """The bound of an argument; of one that a newer version brings, a wide one."""
    return _BOUNDS.get(name, _OTHER)


def is_inside(bound: Bound, value: float) -> bool:
    """Whether a number is within the bound; NaN never is."""
    return bound.least <= value <= bound.most


_OTHER = Bound(-1e12, 1e12, "no argument is known that would need more")

_TABLE: tuple[tuple[Bound, tuple[str, ...]], ...] = (
    (
        Bound(-LARGEST_STEPS, LARGEST_STEPS, "at a thousand steps a second a billion take twelve days"),
        (
            "max_steps", "logging_steps", "eval_steps", "save_steps", "warmup_steps", "eval_delay",
            "eval_accumulation_steps", "early_stopping_steps", "torch_empty_cache_steps", "save_total_limit",
            "badam_switch_interval", "galore_update_interval", "apollo_update_interval", "profiler_active_steps",
            "profiler_repeat", "profiler_wait_steps", "profiler_warmup_steps",
        ),
    ),
    (Bound(-1e6, 1e6, "a million epochs are more than any data is worth"), ("num_train_epochs", "ppo_epochs")),
    (
        Bound(-LARGEST_BATCH, LARGEST_BATCH, "no GPU holds a million samples"),
        (
            "per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps",
            "ppo_buffer_size", "per_gpu_train_batch_size", "per_gpu_eval_batch_size",
        ),
    ),
    (
        Bound(-1e12, 1e12, "no data set has more rows, no model more weights"),
        ("max_samples", "val_size", "buffer_size", "preprocessing_batch_size", "export_quantization_nsamples",
         "fsdp_min_num_params"),
    ),
    (
        Bound(-1e9, 1e9, "no model reads a billion tokens"),
        (
            "cutoff_len", "max_length", "max_new_tokens", "generation_max_length", "vllm_maxlen", "sglang_maxlen",
            "export_quantization_maxlen", "kt_maxlen", "chunk_size", "past_index",
        ),
    ),
    (
        Bound(0, 1e10, "a picture of ten billion pixels fits in no memory"),
        ("image_max_pixels", "image_min_pixels", "video_max_pixels", "video_min_pixels"),
    ),
    (Bound(0, 1e8, "no recording is finer"), ("audio_sampling_rate", "video_fps", "video_maxlen")),
    (
        Bound(-1e6, 1e6, "no matrix of a model has a million rows to spare"),
        (
            "lora_rank", "lora_alpha", "galore_rank", "apollo_rank", "oft_rank", "oft_block_size",
            "vllm_max_lora_rank", "kt_lora_expert_num", "kt_lora_expert_intermediate_size", "freeze_trainable_layers",
            "badam_start_block", "pissa_iter", "top_k",
        ),
    ),
    (
        Bound(1, 10_000, "transformers wants one beam at least, and each costs a whole cache"),
        ("num_beams", "eval_num_beams", "generation_num_beams"),
    ),
    (
        Bound(0, 4096, "torch refuses a number below 0, and no node has more cores"),
        ("dataloader_num_workers", "preprocessing_num_workers", "ray_num_workers"),
    ),
    (Bound(1, 1e6, "torch wants at least one"), ("dataloader_prefetch_factor", "ddp_bucket_cap_mb")),
    (Bound(1, 1e12, "it counts seconds, which torch keeps as milliseconds in 64 bits"), ("ddp_timeout",)),
    (Bound(0, 2**32 - 1, "numpy seeds with 32 bits"), ("seed",)),
    (Bound(-(2**63), 2**63 - 1, "torch seeds with 64 bits"), ("data_seed",)),
    (Bound(-1e6, 1e6, "there are no more devices"), (
        "local_rank", "sglang_tp_size", "badam_verbose", "tpu_num_cores", "cpu_infer",
    )),
    (Bound(-64, 64, "a weight has at most 32 bits"), (
        "quantization_bit", "export_quantization_bit", "ref_model_quantization_bit", "reward_model_quantization_bit",
    )),
    (Bound(-1e6, 1e6, "it counts the gigabytes of one file"), ("export_size",)),
    (
        Bound(-1e6, 1e6, "a rate above 1 already diverges"),
        ("learning_rate", "loraplus_lr_embedding", "loraplus_lr_ratio"),
    ),
    (
        Bound(0, 1, "torch and transformers take a share from 0 to 1"),
        (
            "adam_beta1", "adam_beta2", "label_smoothing_factor", "dpo_label_smoothing", "ld_alpha",
            "module_dropout", "top_p", "vllm_gpu_util", "sglang_mem_fraction", "badam_update_ratio",
        ),
    ),
    (Bound(-1, 1, "it is a share of all steps, or of the neurons"), ("warmup_ratio", "lora_dropout")),
    (Bound(0, 1e6, "torch and transformers refuse a number below 0"), (
        "adam_epsilon", "weight_decay", "temperature",
    )),
    (Bound(1e-6, 1e6, "transformers wants a number above 0"), ("repetition_penalty",)),
    (
        Bound(-1e6, 1e6, "it is a factor of the loss, of a score or of a gradient"),
        (
            "max_grad_norm",
            "apollo_scale", "asft_alpha", "eaft_alpha", "galore_scale", "kto_chosen_weight", "kto_rejected_weight",
            "length_penalty", "moe_aux_loss_coef", "neftune_noise_alpha", "ppo_target", "pref_bco_weight",
            "pref_beta", "pref_ftx", "simpo_gamma",
        ),
    ),
)  # fmt: skip

_BOUNDS: Mapping[str, Bound] = {name: bound for bound, names in _TABLE for name in names}
BOUNDED = frozenset(_BOUNDS)
"""The arguments that stand in the table."""
