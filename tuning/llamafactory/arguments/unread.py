"""Arguments that LLaMA-Factory does not read in a run of this kind: an empty value there is as good as none."""

from collections.abc import Mapping
from typing import Any

_READ_WHERE: tuple[tuple[tuple[str, ...], str, frozenset[Any]], ...] = (
    (("pref_", "dpo_", "ref_model", "simpo_", "ld_alpha"), "stage", frozenset({"dpo"})),
    (("kto_",), "stage", frozenset({"kto"})),
    (("ppo_", "reward_model"), "stage", frozenset({"ppo"})),
    (("galore_",), "use_galore", frozenset({True})),
    (("apollo_",), "use_apollo", frozenset({True})),
    (("badam_",), "use_badam", frozenset({True})),
    (("swanlab_",), "use_swanlab", frozenset({True})),
    (("freeze_trainable", "freeze_extra"), "finetuning_type", frozenset({"freeze"})),
    (("oft_",), "finetuning_type", frozenset({"oft"})),
    (("loraplus_", "pissa_"), "finetuning_type", frozenset({"lora"})),
    (("vllm_", "sglang_"), "infer_backend", frozenset({"vllm", "sglang"})),
)
"""Beginnings of names, the argument that decides, and its values with which they are read."""
_SILENT: Mapping[str, Any] = {"stage": "sft", "finetuning_type": "lora", "infer_backend": "huggingface"}


def is_unread(name: str, config: Mapping[str, Any]) -> bool:
    """Whether nothing in a run with this configuration (as it was given) looks at an argument."""
    for beginnings, decides, values in _READ_WHERE:
        if name.startswith(beginnings):
            return not _is_among(config.get(decides, _SILENT.get(decides, False)), values)
    return False


def _is_among(value: Any, values: frozenset[Any]) -> bool:
    """A value that cannot be told is taken for one that reads."""
    if isinstance(value, bool):
        return value in values
    return not isinstance(value, str) or value.strip().lower() in values
