"""The configuration that is really run: a checked one with what packtrain and the operator decide. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.llamafactory.config import references
from tuning.llamafactory.config.check import CheckedConfig
from tuning.llamafactory.config.deepspeed import render
from tuning.llamafactory.kinds import KINDS, fixed_arguments


@dataclass(frozen=True)
class OwnedArguments:
    """Arguments that packtrain decides for one job on one cluster."""

    output_dir: str
    dataset_dir: str
    datasets: tuple[str, ...]
    """Names, in the job's dataset_info.json, of the uploaded data sets."""
    model: str | None = None
    """The source job's model, where it hands one over."""
    adapter: str | None = None
    """The source job's adapter, likewise."""
    media_dir: str | None = None
    """Folder at which relative paths of images, videos and audios begin, unless the user names one."""
    deepspeed_path: str | None = None
    """Path of the file with the preset's text; without one it stands in the configuration itself."""


def final_config(checked: CheckedConfig, owned: OwnedArguments) -> dict[str, Any]:
    """Configuration that is run: packtrain's defaults, under the user's words, under the operator's, under the owned.

    overwrite_output_dir is never true: with it a resumed attempt would throw its log away. Without it
    LLaMA-Factory goes on by itself from the highest checkpoint in output_dir.
    """
    row = KINDS[checked.kind]
    media = {"media_dir": owned.media_dir} if owned.media_dir is not None and row.data is not None else {}
    given = {
        **checked.defaults,
        **media,
        **_said(checked.config),
        **checked.operator_arguments,
        **fixed_arguments(row, checked.config),
    }
    source = {"model_name_or_path": owned.model, "adapter_name_or_path": owned.adapter}
    handed_over = {name: path for name, path in source.items() if path is not None}
    if row.data is None:
        return {**given, **handed_over, "export_dir": owned.output_dir}
    datasets = ",".join([*references.names(checked.config.get(row.data)), *owned.datasets])
    fixed = {"output_dir": owned.output_dir, "dataset_dir": owned.dataset_dir, "overwrite_output_dir": False}
    if given.get("deepspeed"):
        given.pop("use_cpu", None)  # DeepSpeed finds the CPU itself; with it transformers starts no process group
    parallel = {"deepspeed": owned.deepspeed_path or render(checked.deepspeed)} if checked.deepspeed else {}
    return {**given, **handed_over, row.data: datasets, **parallel, **fixed}


def _said(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without an empty media_dir, which would hide where the media lie."""
    return {name: value for name, value in config.items() if name != "media_dir" or value}
