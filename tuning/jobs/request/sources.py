"""Source of a job: the adapter or model that another job leaves. Pure.

Its paths follow from ids alone, so a source need not have ended yet. They are kept beneath our folder on the cluster
(`jobs/...`), and written out when an attempt is planned.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuning.errors import Finding
from tuning.jobs.layout import output_directory
from tuning.jobs.status import ENDED, JobStatus
from tuning.llamafactory.kinds import CHECK, SERVE, Kind, SourceModel

_LARGEST_STEP = 2**31 - 1


@dataclass(frozen=True)
class SourceJob:
    """Another job, as far as it matters to who is based on it."""

    id: str
    kind: str
    status: JobStatus
    cluster: str
    config: Mapping[str, Any]
    """LLaMA-Factory's arguments, without those that its own source gave."""
    source: Mapping[str, Any] | None
    """What it was based on itself (to_json)."""
    checkpoints: frozenset[int] = frozenset()
    """The steps whose checkpoints it has left; known once it has ended."""
    whole_checkpoints: frozenset[int] = frozenset()
    """Those of them that a training can go on from, and that nobody wants removed."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    output_removed: bool = False
    """Whether all that it left was removed."""
    datasets: tuple[str, ...] = ()
    """Ids of the uploads that it trained on."""


def source_model(job: SourceJob, checkpoint: int | None) -> SourceModel:
    """The model that a job hands over: an adapter with its model, or a whole model."""
    own = from_json(job.source)
    folder = output_directory("", job.id).lstrip("/")
    path = folder if checkpoint is None else f"{folder}/checkpoint-{checkpoint}"
    template = job.config.get("template") or (own.template if own else None)
    if not leaves_adapter(job.kind, job.config):
        return SourceModel(path, None, template)
    base = own.model if own else str(job.config.get("model_name_or_path", ""))
    return SourceModel(base, path, template, job.config.get("finetuning_type", "lora"))


def check_source(kind: Kind, job: SourceJob, checkpoint: int | None, cluster: str) -> list[Finding]:
    """Findings that keep a job from being the source of a job of this kind on this cluster."""
    return [*_wrong_kind(kind, job), *_wrong_end(job, checkpoint), *_elsewhere(job, cluster)]


def leaves_adapter(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether a job of this kind and configuration leaves an adapter, and not a whole model."""
    return kind == "train" and config.get("finetuning_type", "lora") in ("lora", "oft")


def written_out(source: SourceModel, root: str) -> SourceModel:
    """The source with absolute paths."""

    def absolute(path: str) -> str:
        return f"{root}/{path}" if path.startswith("jobs/") else path

    model = absolute(source.model) if source.model else None
    return replace(source, model=model, adapter=absolute(source.adapter) if source.adapter else None)


def to_json(source: SourceModel) -> dict[str, Any]:
    """Source in the form that the job's row keeps."""
    return asdict(source)


def from_json(kept: Mapping[str, Any] | None) -> SourceModel | None:
    """The source that `to_json` kept; None where there is none."""
    return SourceModel(**kept) if kept else None


def _wrong_kind(kind: Kind, job: SourceJob) -> Iterator[Finding]:
    loc = ("source_job",)
    if job.kind == CHECK:
        yield Finding(loc, f"{job.id} is a check of data: it leaves no model", "name a training")
    elif job.kind == SERVE:
        yield Finding(loc, f"{job.id} serves a model: it leaves none", "name the training that the model is of")
    elif job.kind == "predict":
        yield Finding(loc, f"{job.id} is a prediction: it leaves no model", "name the training that it was made with")
    elif kind == "export" and not leaves_adapter(job.kind, job.config):
        yield Finding(loc, f"{job.id} leaves a whole model: there is no adapter to merge", "use its model as it is")


def _wrong_end(job: SourceJob, checkpoint: int | None) -> Iterator[Finding]:
    if checkpoint is not None and (job.kind != "train" or not 0 < checkpoint <= _LARGEST_STEP):
        yield Finding(("checkpoint",), f"{job.id} has no checkpoint {checkpoint}", "leave it out for the final one")
    elif job.status not in ENDED:
        return  # it is waited for
    elif job.output_removed:
        yield Finding(("source_job",), f"the output of {job.id} was removed from the cluster", "name another job")
    elif checkpoint is not None and checkpoint not in job.checkpoints:
        steps = ", ".join(str(step) for step in sorted(job.checkpoints)) or "none"
        yield Finding(("checkpoint",), f"{job.id} has no checkpoint {checkpoint}", f"it has: {steps}")
    elif checkpoint is None and job.status is not JobStatus.SUCCEEDED:
        hint = "name one of its checkpoints, or another job"
        yield Finding(("source_job",), f"{job.id} is {job.status}: it left no final model", hint)


def _elsewhere(job: SourceJob, cluster: str) -> Iterator[Finding]:
    if job.cluster != cluster:
        message = f"{job.id} ran on {job.cluster}, and its files lie there"
        yield Finding(("source_job",), message, f"set resources.cluster to {job.cluster}, or leave it out")
