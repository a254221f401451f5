"""Advice after a failure: changes, as a ready body for `POST /jobs/{id}/retry`. Pure.

Nothing is advised that the check of a request would refuse, and whatever is changed about the batch keeps the
effective one (samples a device x accumulation x processes): a retry is to train the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuning.jobs.request.time_limit import format_seconds, parse_time_limit
from tuning.llamafactory.arguments.bounds import LARGEST_BATCH
from tuning.llamafactory.config.check import ConfigContext, check_config
from tuning.llamafactory.config.deepspeed import preset
from tuning.llamafactory.kinds import KINDS

_MOST_SECONDS = 999 * 86_400
_MEGABYTES = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 * 1024}
_MEMORY = re.compile(r"([0-9]+)([KMGT]?)")
_HOSTS = re.compile(r"[A-Za-z0-9_.\[\],-]{1,500}")
"""What a request may say of nodes (tuning.jobs.request.spec)."""
_LARGEST_NUMBER = 999_999_999
_BEGINS_ANEW = ("diverged", "checkpoint")
"""After these no checkpoint is advised: its weights are spoilt, or it was the trouble."""
_MORE_SHARDED = {None: "zero3", "zero0": "zero3", "zero2": "zero3", "zero2_offload": "zero3_offload"} | {
    "zero3": "zero3_offload"
}


@dataclass(frozen=True)
class Limits:
    """Limits of the job's partition; None = not known, or no limit."""

    seconds: int | None = None
    memory_mb: int | None = None
    """Of its largest node."""
    nodes: int | None = None
    """How many it has."""


@dataclass(frozen=True)
class FailedRun:
    """A failed run as the advice looks at it: arguments, resources, context of the check, limits."""

    config: Mapping[str, Any]
    """The user's arguments, as the job has them."""
    resources: Mapping[str, Any]
    context: ConfigContext
    """What the configuration is checked with."""
    limits: Limits = Limits()
    node: str | None = None
    """The node that is at fault, if a node is; None where it is not known."""

    def __getitem__(self, name: str) -> Any:
        """The value that an argument had in the run."""
        operator = self.context.operator_arguments
        defaults = {**self.context.schema.silent, **KINDS[self.context.kind].defaults}
        return {**defaults, **self.config, **operator}[name]

    def count(self, name: str) -> int:
        """Value of an argument that counts; 1 for no usable number: LLaMA-Factory itself would not have gone far."""
        value = self[name]
        return value if isinstance(value, int) and 0 < value <= LARGEST_BATCH else 1

    def accepts(self, changes: Mapping[str, Any]) -> bool:
        """Whether the arguments with these changes have no error that they have not without, and the changes count."""
        if changes.keys() & self.context.operator_arguments.keys():
            return False
        before = {finding.message for finding in check_config(self.config, self.context).errors}
        after = {finding.message for finding in check_config({**self.config, **changes}, self.context).errors}
        return after <= before


@dataclass(frozen=True)
class Advice:
    """Advice after a failure: the body of a retry, and a hint."""

    retry: dict[str, Any] | None
    """The body; {} = the same again, None = something must be corrected first that only a person can."""
    hint: str | None = None
    """In place of the table's, where it says more."""


def advise(code: str, run: FailedRun) -> Advice:
    """Advice after a failure of this code (tuning.llamafactory.causes)."""
    rule = _ADVICE.get(code)
    return rule(run) if rule is not None else Advice(None)


def going_on(code: str, advice: Advice, job_id: str, step: int | None) -> Advice:
    """The advice with the job's newest whole checkpoint to go on from, where what is changed allows that."""
    changes = (advice.retry or {}).get("config", {})
    if step is None or code in _BEGINS_ANEW or "deepspeed" in changes:
        return advice
    words = f"`packtrain retry {job_id} --from-checkpoint {step}` goes on from its checkpoint {step}"
    hint = "; ".join(filter(None, (advice.hint, words)))
    if advice.retry is None:
        return Advice(None, hint)
    return Advice({**advice.retry, "resume_from": {"job": job_id, "checkpoint": step}}, hint)


def _the_same(_run: FailedRun) -> Advice:
    return Advice({})


def _elsewhere(run: FailedRun) -> Advice:
    """The same without the node at fault; where that is not known, or too few are left, the same."""
    before = run.resources.get("exclude")
    excluded = f"{before},{run.node}" if before else run.node
    if run.node is None or excluded is None or not _HOSTS.fullmatch(excluded) or not _leaves_nodes(run, excluded):
        return Advice({})
    return Advice({"resources": {"exclude": excluded}})


def _leaves_nodes(run: FailedRun, excluded: str) -> bool:
    """Whether there are enough others; ranges of names are not counted out."""
    asked = run.resources.get("nodes") or 1
    return run.limits.nodes is None or len(set(excluded.split(","))) + asked <= run.limits.nodes


def _for_gpu_memory(run: FailedRun) -> Advice:
    """The first of the ways to take less of a GPU that is open to this run."""
    for changes, hint in _ways_to_take_less(run):
        if run.accepts(changes):
            return Advice({"config": changes}, hint)
    return Advice(None, "shorten cutoff_len, use quantization_bit: 4 (QLoRA), a smaller model, or larger GPUs")


def _ways_to_take_less(run: FailedRun) -> Iterator[tuple[dict[str, Any], str]]:
    if run.context.kind == "predict" and run.count("per_device_eval_batch_size") > 1:
        smaller = run.count("per_device_eval_batch_size") // 2
        yield {"per_device_eval_batch_size": smaller}, f"per_device_eval_batch_size: {smaller}"
    if run.context.kind != "train":
        return
    batch, accumulation = run.count("per_device_train_batch_size"), run.count("gradient_accumulation_steps")
    if batch > 1:
        smaller = _smaller_divisor(batch, batch * accumulation)
        changes = {"per_device_train_batch_size": smaller}
        changes["gradient_accumulation_steps"] = batch * accumulation // smaller
        yield changes, f"{_said(changes)}: the effective batch stays {batch * accumulation * run.context.processes}"
    if run["disable_gradient_checkpointing"]:
        off: dict[str, Any] = {"disable_gradient_checkpointing": False}
        yield off, f"{_said(off)}: activations are computed again in place of being kept"
    if run.context.processes > 1 and _is_ours(run["deepspeed"]):
        more = _MORE_SHARDED.get(preset(run["deepspeed"]))
        if more is not None:
            yield {"deepspeed": more}, f"deepspeed: {more}: weights, gradients and states are shared out over the GPUs"


def _smaller_divisor(batch: int, samples: int) -> int:
    """At most half the batch, such that whole steps of accumulation make up the same samples."""
    return next(size for size in range(batch // 2, 0, -1) if samples % size == 0)


def _is_ours(deepspeed: object) -> bool:
    return deepspeed is None or preset(deepspeed) is not None


def _said(changes: Mapping[str, Any]) -> str:
    words = {True: "true", False: "false"}
    return " and ".join(
        f"{name}: {words[value] if isinstance(value, bool) else value}" for name, value in changes.items()
    )


def _for_memory(run: FailedRun) -> Advice:
    asked = _MEMORY.fullmatch(run.resources.get("memory") or "")
    if asked is None or int(asked[1]) == 0:  # 0 = all that the node has
        return Advice(None)
    number, unit = int(asked[1]), asked[2]
    double, most = f"{2 * number}{unit}", run.limits.memory_mb
    if most is not None and 2 * number * _MEGABYTES[unit] > most:
        if number * _MEGABYTES[unit] >= most:
            return Advice(None, "no node of the partition has more: lower preprocessing_num_workers, or take another")
        double = f"{most}M"
    if 2 * number > _LARGEST_NUMBER:
        return Advice(None)
    return Advice({"resources": {"memory": double}}, f"memory: {double} in place of {asked[0]}")


def _for_time(run: FailedRun) -> Advice:
    asked = run.resources.get("time_limit")
    if asked is None:
        return Advice(None)
    seconds = parse_time_limit(asked)
    longer = min(2 * seconds, run.limits.seconds or _MOST_SECONDS, _MOST_SECONDS)
    if longer <= seconds:
        return Advice(None, "the partition allows no more time: take fewer steps, more GPUs, or another partition")
    text = format_seconds(longer)
    return Advice({"resources": {"time_limit": text}}, f"time_limit: {text} in place of {asked}, or fewer steps")


def _for_divergence(run: FailedRun) -> Advice:
    if run.context.kind != "train":
        return Advice(None, "the model that it uses has lost its numbers in training: train that one anew")
    changes = {"fp16": False, "bf16": True} if run["fp16"] else _slower(run["learning_rate"])
    if not changes or not run.accepts(changes):
        return Advice(None)
    return Advice({"config": changes}, f"{_said(changes)}; and look for odd rows in the data")


def _slower(rate: object) -> dict[str, Any]:
    return {"learning_rate": float(f"{rate / 10:.6g}")} if isinstance(rate, int | float) else {}


_ADVICE: Mapping[str, Callable[[FailedRun], Advice]] = {
    "cuda_out_of_memory": _for_gpu_memory,
    "out_of_memory": _for_memory,
    "killed": _for_memory,
    "timeout": _for_time,
    "deadline": _for_time,
    "diverged": _for_divergence,
    **dict.fromkeys(
        (
            "preempted", "lost", "stalled", "interrupted", "terminated", "nccl", "rendezvous",
        ),
        _the_same,
    ),
    **dict.fromkeys(("node_fail", "boot_fail", "launch_failed"), _elsewhere),
}  # fmt: skip
