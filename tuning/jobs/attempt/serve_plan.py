"""Plan of one attempt of a served model: LLaMA-Factory's chat model behind our own program, in the training image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.jobs.attempt.batch_script import RunPlan, render_script
from tuning.jobs.attempt.mounts import container_view
from tuning.jobs.attempt.plan import directives_of
from tuning.jobs.layout import CONFIG_FILE, JOB_SCRIPT, attempt_directory, output_directory
from tuning.jobs.request.sources import written_out
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.config.yaml_text import to_yaml
from tuning.llamafactory.inside import PROGRAMS_FILE, programs
from tuning.llamafactory.kinds import KINDS, SERVE, SourceModel
from tuning.settings import ClusterSettings

REQUESTS_AT_ONCE = "MAX_CONCURRENT"
"""LLaMA-Factory's variable for the answers that are generated at once."""
KEY_SECRET = "API_KEY"  # noqa: S105
"""Variable of the run, and file among its secrets: the key of its start."""


@dataclass(frozen=True)
class ServedModel:
    """A model to be served, as its job's row has it."""

    job_id: str
    number: int
    """The attempt's, from 1."""
    config: Mapping[str, Any]
    resources: Mapping[str, Any]
    source: SourceModel | None
    """What another job hands over; None for a model of the catalogue."""


@dataclass(frozen=True)
class ServePlan:
    """Files and script of an attempt that serves a model."""

    directory: str
    config: Mapping[str, Any]
    config_yaml: str
    script: str

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the attempt's folder, by their path in it."""
        return {
            PROGRAMS_FILE: programs(),
            CONFIG_FILE: self.config_yaml.encode(),
            JOB_SCRIPT: self.script.encode(),
        }


def plan_serve(model: ServedModel, cluster: ClusterSettings) -> ServePlan:
    """The plan of an attempt. Raises InvalidInput where the settings no longer allow what was accepted."""
    config = _serve_config(model, cluster)
    directory = attempt_directory(cluster.root, model.job_id, model.number)
    view = container_view(cluster, model.job_id, source=model.source)
    run = RunPlan(
        root=cluster.root,
        attempt_directory=directory,
        output_directory=output_directory(cluster.root, model.job_id),
        command=SERVE,
        image=cluster.image,
        workdir=directory,
        gpu_flag=cluster.container_gpu_flag,
        binds=view.binds,
        own_places=view.own_places,
        environment={REQUESTS_AT_ONCE: str(cluster.serve_requests_at_once), **cluster.environment},
        secrets=(KEY_SECRET,),
        site=cluster,
    )
    return ServePlan(directory, config, to_yaml(config), render_script(directives_of(model.resources), run))


def _serve_config(model: ServedModel, cluster: ClusterSettings) -> dict[str, Any]:
    """LLaMA-Factory's arguments: the job's, under the operator's as far as inference takes them, under the source's."""
    taken = load_schema(cluster.llamafactory_version).taken_by(KINDS["export"].classes)
    laid_over = {name: value for name, value in cluster.arguments.items() if name in taken}
    source = written_out(model.source, cluster.root) if model.source else SourceModel()
    given = {
        "model_name_or_path": source.model,
        "adapter_name_or_path": source.adapter,
        "finetuning_type": source.finetuning_type,
    }
    handed_over = {name: value for name, value in given.items() if value is not None}
    config = {"infer_backend": "huggingface", **model.config, **laid_over, **handed_over}
    return {**config, **({"trust_remote_code": True} if _is_trusted(config, cluster) else {})}


def _is_trusted(config: Mapping[str, Any], cluster: ClusterSettings) -> bool:
    """Whether the operator lets runs execute the code that comes with this model of the catalogue."""
    return config.get("model_name_or_path") in {cluster.models[name] for name in cluster.trusted_models}
