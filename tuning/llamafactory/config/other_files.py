"""Configuration files of other programs, told from their words: what the file is, and what to do with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ACCELERATE = frozenset({"compute_environment", "distributed_type", "num_machines", "machine_rank", "fsdp_config"})
_DEEPSPEED = frozenset({"zero_optimization", "train_micro_batch_size_per_gpu", "zero_allow_untrusted_optimizer"})
_MEGATRON = frozenset(
    {
        "tensor_model_parallel_size",
        "pipeline_model_parallel_size",
        "expert_model_parallel_size",
        "virtual_pipeline_model_parallel_size",
        "sequence_parallel",
        "use_distributed_optimizer",
    }
)
_VERSION_1 = frozenset({"model", "dist_config", "init_config", "peft_config", "kernel_config", "sample_backend"})
_SERVING = frozenset(
    {
        "infer_backend",
        "vllm_maxlen",
        "vllm_gpu_util",
        "vllm_enforce_eager",
        "sglang_maxlen",
        "temperature",
        "top_p",
        "top_k",
        "max_new_tokens",
        "repetition_penalty",
        "do_sample",
    }
)
_OF_A_RUN = frozenset(
    {
        "stage",
        "do_train",
        "do_eval",
        "do_predict",
        "dataset",
        "eval_dataset",
        "output_dir",
        "export_dir",
        "num_train_epochs",
        "max_steps",
        "learning_rate",
        "per_device_train_batch_size",
    }
)


@dataclass(frozen=True)
class OtherFile:
    """A file that is no configuration of a run."""

    message: str
    hint: str


def other_file(config: Mapping[str, Any], *, is_whole: bool) -> OtherFile | None:
    """The kind of file that these words are of, where it is none that `llamafactory-cli train` or `export` reads.

    `is_whole`: nothing else says what is run (no recipe, no data set beside it, no source job).
    """
    words = frozenset(name for name in list(config)[:1000] if isinstance(name, str))
    if len(words & _ACCELERATE) >= 2:
        return OtherFile(
            "this is a configuration of accelerate, not of LLaMA-Factory",
            "submit LLaMA-Factory's own file; the number of GPUs and nodes goes into `resources`",
        )
    if words & _DEEPSPEED:
        return OtherFile(
            "this is a configuration of DeepSpeed, not of LLaMA-Factory",
            "submit LLaMA-Factory's own file, with deepspeed: z2 (or z3, z3_offload) in it",
        )
    if _describes_data(config):
        return OtherFile(
            "this is a dataset_info.json, not a configuration",
            "upload its files as data sets, or ask the operator to register them",
        )
    return _own_other_file(words, is_whole)


def _own_other_file(words: frozenset[str], is_whole: bool) -> OtherFile | None:
    """LLaMA-Factory's files for other commands and trainers."""
    if len(words & _MEGATRON) >= 1 and "model_name_or_path" in words:
        return OtherFile(
            "this is a configuration for the Megatron trainer (USE_MCA), which the training image does not hold",
            "remove the parallel sizes, and use deepspeed: z3 for a model that one GPU does not hold",
        )
    if "model" in words and words & (_VERSION_1 - {"model"}) and "model_name_or_path" not in words:
        return OtherFile(
            "this is a configuration of LLaMA-Factory's v1 trainer (USE_V1), which packtrain does not run",
            "write model_name_or_path, dataset and the other arguments of `llamafactory-cli train`",
        )
    if is_whole and words & _SERVING and not words & _OF_A_RUN:
        return OtherFile(
            "this is a file for `llamafactory-cli chat`, `api` or `webchat`, which packtrain does not run",
            "to train, add stage and dataset; to answer a test set, submit kind predict with eval_dataset",
        )
    return None


def _describes_data(config: Mapping[str, Any]) -> bool:
    sources = ("file_name", "hf_hub_url", "ms_hub_url", "script_url", "cloud_file_name")
    entries = list(config.values())[:20]
    return bool(entries) and all(_has_any(entry, sources) for entry in entries)


def _has_any(entry: Any, names: tuple[str, ...]) -> bool:
    return isinstance(entry, Mapping) and any(name in entry for name in names)
