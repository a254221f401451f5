"""Resume point of a training: the checkpoint of an ended one that it goes on from, and what must be the same. Pure.

A checkpoint holds weights, optimizer, scheduler and the count of steps: they fit a run of the same model and method
alone. ZeRO keeps the optimizer in as many parts as there were processes (deepspeed, engine.py, load_checkpoint).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.jobs.request.resources import world_size
from tuning.jobs.request.sources import SourceJob
from tuning.jobs.status import ENDED
from tuning.llamafactory.config.deepspeed import preset, zero_of
from tuning.llamafactory.kinds import CHECK

_LOC = ("resume_from",)
_OF_THE_WEIGHTS = (
    "model_name_or_path",
    "stage",
    "finetuning_type",
    "lora_rank",
    "lora_target",
    "additional_target",
    "use_dora",
    "pissa_init",
    "oft_rank",
    "oft_block_size",
    "oft_target",
    "module_dropout",
    "freeze_trainable_layers",
    "freeze_trainable_modules",
    "freeze_extra_modules",
    "freeze_vision_tower",
    "freeze_multi_modal_projector",
    "freeze_language_model",
    "resize_vocab",
    "new_special_tokens_config",
    "add_tokens",
    "add_special_tokens",
)
"""Arguments that decide which weights are trained, and of what shape."""
_OF_THE_OPTIMIZER = (
    "optim",
    "use_galore",
    "use_apollo",
    "use_badam",
    "use_adam_mini",
    "use_muon",
    "loraplus_lr_ratio",
)
_OF_THE_DATA = (
    "dataset",
    "eval_dataset",
    "template",
    "cutoff_len",
    "packing",
    "neat_packing",
    "max_samples",
    "val_size",
    "mix_strategy",
    "streaming",
    "seed",
    "data_seed",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
)
"""Arguments that decide which samples a step has: so many steps are passed over as were trained."""


@dataclass(frozen=True)
class ResumePoint:
    """Checkpoint that a run goes on from where it has none of its own yet."""

    job_id: str
    step: int


@dataclass(frozen=True)
class NewRun:
    """Run that is to go on from a checkpoint, as far as it matters to that."""

    kind: str
    cluster: str
    config: Mapping[str, Any]
    source: Mapping[str, Any] | None
    """Source that it is based on (request.sources.to_json)."""
    resources: Mapping[str, Any]
    datasets: tuple[str, ...]
    silent: Mapping[str, Any]
    """The values of arguments that nobody gives."""


def resume_point(job: SourceJob, checkpoint: int | None) -> ResumePoint | None:
    """The checkpoint that is meant: the one named, or the newest whole one; None where there is no such."""
    step = max(job.whole_checkpoints, default=None) if checkpoint is None else checkpoint
    return ResumePoint(job.id, step) if step in job.whole_checkpoints and step is not None else None


def check_resume(job: SourceJob, checkpoint: int | None, run: NewRun) -> list[Finding]:
    """Findings that keep a run from going on from a checkpoint of this job, or that its owner should know."""
    if never := [*_wrong_job(job, checkpoint, run)]:
        return never
    return [*_without_optimizer(job), *_other_weights(job, run), *_other_sharding(job, run), *_other_samples(job, run)]


def _wrong_job(job: SourceJob, checkpoint: int | None, run: NewRun) -> Iterator[Finding]:
    if run.kind != "train" or job.kind != "train":
        kind = "a check of data" if job.kind == CHECK else f"of kind {job.kind if job.kind != 'train' else run.kind}"
        yield Finding(_LOC, f"only a training goes on from another: this is {kind}", "leave resume_from out")
    elif run.config.get("stage") == "ppo" or (run.config.get("stage") == "rm" and _trains_all(run.config)):
        message = f"LLaMA-Factory cannot go on from a checkpoint of stage {run.config['stage']}"
        yield Finding(_LOC, message, f"begin with its weights: source_job: {job.id}")
    elif job.status not in ENDED:
        hint = "cancel it with a checkpoint (`packtrain cancel --save`), or hold it and release it"
        yield Finding((*_LOC, "job"), f"{job.id} is {job.status}: it may still write its checkpoints", hint)
    elif job.cluster != run.cluster:
        message = f"{job.id} ran on {job.cluster}, and its checkpoints lie there"
        yield Finding(_LOC, message, f"set resources.cluster to {job.cluster}, or leave it out")
    elif resume_point(job, checkpoint) is None:
        yield _no_checkpoint(job, checkpoint)


def _trains_all(config: Mapping[str, Any]) -> bool:
    return config.get("finetuning_type") in ("full", "freeze")


def _no_checkpoint(job: SourceJob, checkpoint: int | None) -> Finding:
    steps = ", ".join(str(step) for step in sorted(job.whole_checkpoints))
    if not steps:
        return Finding(_LOC, f"{job.id} has left no whole checkpoint", "leave resume_from out: it begins anew")
    message = f"{job.id} has no whole checkpoint {checkpoint}"
    return Finding((*_LOC, "checkpoint"), message, f"it has: {steps}")


def _without_optimizer(job: SourceJob) -> Iterator[Finding]:
    if job.config.get("save_only_model"):
        message = f"{job.id} saved its checkpoints without the optimizer's states (save_only_model)"
        yield Finding(_LOC, message, "the optimizer begins anew; the steps do not", "warning")


def _other_weights(job: SourceJob, run: NewRun) -> Iterator[Finding]:
    if (job.source or None) != (run.source or None):
        hint = f"name the same source_job and checkpoint as {job.id}, or leave resume_from out"
        yield Finding(_LOC, f"{job.id} was based on another model than this", hint)
    for name, before, now in _changed((*_OF_THE_WEIGHTS, *_OF_THE_OPTIMIZER), job, run):
        what = "optimizer" if name in _OF_THE_OPTIMIZER else "weights"
        message = f"the {what} of the checkpoint would not fit: {name} was {before!r:.100} and is {now!r:.100}"
        yield Finding(("config", name), message, f"leave it as it was, or begin anew with source_job: {job.id}")


def _other_sharding(job: SourceJob, run: NewRun) -> Iterator[Finding]:
    before, now = (zero_of(config.get("deepspeed")).stage for config in (job.config, run.config))
    has_deepspeed = [bool(config.get("deepspeed")) for config in (job.config, run.config)]
    if before != now or has_deepspeed[0] != has_deepspeed[1]:
        message = "the checkpoint's optimizer is kept in another way: deepspeed was "
        message += f"{job.config.get('deepspeed') or 'not used'!s:.100} and is {run.config.get('deepspeed')!s:.100}"
        yield Finding(("config", "deepspeed"), message, "leave deepspeed as it was")
    processes = [world_size(resources) for resources in (job.resources, run.resources)]
    if processes[0] != processes[1] and _is_sharded(run.config):
        message = f"DeepSpeed keeps the optimizer by process: there were {processes[0]}, these are {processes[1]}"
        hint = f"ask for {processes[0]} GPUs in all, or begin anew with source_job: {job.id}"
        yield Finding(("resources", "gpus_per_node"), message, hint)


def _is_sharded(config: Mapping[str, Any]) -> bool:
    """Whether each process keeps a part of the optimizer; of a file of the user's own that is not known."""
    return bool(config.get("deepspeed")) and preset(config["deepspeed"]) != "zero0"


def _other_samples(job: SourceJob, run: NewRun) -> Iterator[Finding]:
    names = [name for name, _, _ in _changed(_OF_THE_DATA, job, run)]
    if samples(job.config, job.resources, run.silent) == samples(run.config, run.resources, run.silent):
        names = [name for name in names if name not in _OF_THE_DATA[-2:]]
    elif not names:
        names = ["the number of processes"]
    if job.datasets != run.datasets:
        names.insert(0, "datasets")
    if names:
        message = f"{', '.join(names)}: other than before, so steps that were trained are not the ones passed over"
        yield Finding(_LOC, message, "leave it as it was to see each sample as often as one run would", "warning")


def samples(config: Mapping[str, Any], resources: Mapping[str, Any], silent: Mapping[str, Any]) -> int:
    """Samples of one step: of a device, accumulated, on all processes."""
    values = {**silent, **config}
    counts = (values.get("per_device_train_batch_size"), values.get("gradient_accumulation_steps"))
    device, accumulated = (count if isinstance(count, int) and count > 0 else 1 for count in counts)
    return device * accumulated * world_size(resources)


def _changed(names: Iterable[str], job: SourceJob, run: NewRun) -> Sequence[tuple[str, Any, Any]]:
    """The arguments with another value than before: name, value then, value now."""
    before, now = {**run.silent, **job.config}, {**run.silent, **run.config}
    return [(name, before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)]
