"""Plan of one attempt: configuration, files, batch script; for validate, for /script and for the worker."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from tuning.jobs.attempt.batch_script import Directives, RunPlan, is_plain_path, render_script
from tuning.jobs.attempt.continuation import warning_seconds
from tuning.jobs.attempt.mounts import CHECKOUT, allowed_places, checkpoint_place, container_view
from tuning.jobs.layout import (
    CONFIG_FILE,
    DATASET_INFO_FILE,
    DEEPSPEED_FILE,
    JOB_SCRIPT,
    attempt_directory,
    dataset_path,
    output_directory,
)
from tuning.jobs.request.resources import world_size
from tuning.jobs.request.resume import ResumePoint
from tuning.jobs.request.sources import written_out
from tuning.jobs.request.time_limit import parse_time_limit
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext
from tuning.llamafactory.config.deepspeed import render
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.llamafactory.config.media import BESIDE_THE_REGISTER, WITH_THE_RUN, MediaPlace, reads_media
from tuning.llamafactory.config.yaml_text import to_yaml
from tuning.llamafactory.environment import tracking_environment
from tuning.llamafactory.inside import PROGRAMS_FILE, programs
from tuning.llamafactory.kinds import KINDS, Kind, SourceModel
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.settings import ClusterSettings

Entries = Mapping[str, Mapping[str, Any]]
MOST_DATA_FILES = 50
"""So many files of the cluster's own data are hashed."""


@dataclass(frozen=True)
class TrainingData:
    """A data set of ours that a job trains on."""

    id: str
    name: str
    sha256: str
    extension: str
    entry: Mapping[str, Any]
    """Its dataset_info.json entry without file_name."""
    status: Literal["checking", "ready", "refused"] = "ready"
    cluster: str | None = None
    """Where its content lies and nowhere else; None: it can be brought to any."""
    cluster_path: str | None = None
    """Path there, with its media beside it."""
    check_job: str | None = None
    """The latest job that looked at it on its cluster."""
    refused_for: tuple[str, ...] = ()
    """What its check found, where it was refused."""
    has_untrained_history: bool = False
    """Whether answers before the last of a row have the weight 0."""

    @property
    def archive(self) -> str | None:
        """Name of the content where it is rows packed with their media, which a run unpacks."""
        return f"{self.sha256}.{self.extension}" if self.extension == "tar" else None

    @property
    def media_place(self) -> MediaPlace | None:
        """Folder at which the media begin that its rows name, as far as that is known."""
        if self.archive is not None:
            return WITH_THE_RUN
        return self.cluster_path.rpartition("/")[0] or "/" if self.cluster_path else None


@dataclass(frozen=True)
class RunOf:
    """Job and attempt of a run."""

    job_id: str
    number: int
    """The attempt's, from 1."""
    resources: Mapping[str, Any]
    kind: Kind = "train"
    source: SourceModel | None = None
    """What another job hands over, as the job's row has it."""
    secrets: tuple[str, ...] = ()
    """Names only: the values are files beside the script, put there by the worker."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that its owner gives it."""
    learned: EtaState | None = None
    """What earlier attempts have shown of its pace and its saves."""
    longest_save_elsewhere: float | None = None
    """Seconds of the longest recent save of other jobs like it; None = not known."""
    resume: ResumePoint | None = None
    """The checkpoint of an earlier training that it goes on from, while it has none of its own."""


@dataclass(frozen=True)
class AttemptPlan:
    """Files, script and configuration of an attempt."""

    directory: str
    config: dict[str, Any]
    config_yaml: str
    dataset_info: dict[str, Any]
    deepspeed: dict[str, Any] | None
    script: str

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the attempt's folder, by their path in it, in the order in which they get there."""
        texts = {
            CONFIG_FILE: self.config_yaml,
            DATASET_INFO_FILE: json.dumps(self.dataset_info, indent=2) + "\n",
        }
        if self.deepspeed is not None:
            texts[DEEPSPEED_FILE] = json.dumps(self.deepspeed, indent=2) + "\n"
        texts[JOB_SCRIPT] = self.script
        return {PROGRAMS_FILE: programs(), **{path: text.encode() for path, text in texts.items()}}


def config_context(
    cluster: ClusterSettings,
    registered: Entries | None,
    uploads: Sequence[TrainingData],
    resources: Mapping[str, Any],
    kind: Kind = "train",
    source: SourceModel | None = None,
) -> ConfigContext:
    """Context for the check of a configuration; `registered` are the data sets that the cluster knows by name."""
    if cluster.llamafactory_checkout is None:
        registered = {}  # there is no register: no name will ever be known
    return ConfigContext(
        places=allowed_places(cluster),
        known_datasets=frozenset(registered) if registered is not None else None,
        has_uploaded_datasets=bool(uploads),
        kind=kind,
        source=source,
        processes=world_size(resources),
        dataset_entries={**(registered or {}), **{data.id: data.entry for data in uploads}},
        media_places=_media_places(registered or {}, uploads),
        untrained_histories=frozenset(data.id for data in uploads if data.has_untrained_history),
        operator_arguments=cluster.arguments,
        trusted_models=frozenset(cluster.models[name] for name in cluster.trusted_models),
        schema=load_schema(cluster.llamafactory_version),
    )


def plan_attempt(
    run: RunOf,
    checked: CheckedConfig,
    cluster: ClusterSettings,
    uploads: Sequence[TrainingData],
    registered: Entries | None,
) -> AttemptPlan:
    """The plan of an attempt with this configuration, in whose check no error was found.

    Without `registered` (nothing is known of the cluster yet) the plan is for looking at: data sets that the cluster
    knows by name are missing in its dataset_info.
    """
    directory = attempt_directory(cluster.root, run.job_id, run.number)
    output = output_directory(cluster.root, run.job_id)
    source = written_out(run.source, cluster.root) if run.source else SourceModel()
    owned = OwnedArguments(
        output_dir=output,
        dataset_dir=f"{directory}/data",
        datasets=tuple(data.id for data in uploads if data.id not in _named(checked.config)),
        model=source.model,
        adapter=source.adapter,
        media_dir=_media_dir(cluster, directory, uploads),
        deepspeed_path=f"{directory}/{DEEPSPEED_FILE}",
    )
    config = final_config(checked, owned)
    run_plan = _run_plan(cluster, run, config, uploads, _data_files(cluster, checked, registered))
    return AttemptPlan(
        directory=directory,
        config=config,
        config_yaml=to_yaml(config),
        dataset_info=_dataset_info(cluster, checked, uploads, registered or {}),
        deepspeed=render(checked.deepspeed) if checked.deepspeed else None,
        script=render_script(_directives(run, config), run_plan),
    )


def _media_places(registered: Entries, uploads: Sequence[TrainingData]) -> Mapping[str, MediaPlace]:
    places = {data.id: data.media_place for data in uploads}
    known = {name: place for name, place in places.items() if place is not None}
    return {**dict.fromkeys(registered, BESIDE_THE_REGISTER), **known}


def _media_dir(cluster: ClusterSettings, directory: str, uploads: Sequence[TrainingData]) -> str | None:
    """The check has seen to it that the media of all data begin in one folder."""
    places = [data.media_place for data in uploads if data.media_place is not None and reads_media(data.entry)]
    if places:
        return f"{directory}/data" if places[0] == WITH_THE_RUN else places[0]
    return f"{CHECKOUT}/data" if cluster.llamafactory_checkout else None


def _dataset_info(
    cluster: ClusterSettings, checked: CheckedConfig, uploads: Sequence[TrainingData], registered: Entries
) -> dict[str, Any]:
    """The job's own register: its uploads, and copies of the cluster's entries that it names.

    The entry of an archive says itself where its rows lie, once it is unpacked.
    """
    info: dict[str, Any] = {
        data.id: {"file_name": dataset_path(cluster.root, data.sha256, data.extension), **data.entry}
        for data in uploads
    }
    for name in _named(checked.config):
        if name in registered:
            info[name] = _seen_from_the_container(registered[name])
    return info


def _data_files(cluster: ClusterSettings, checked: CheckedConfig, registered: Entries | None) -> tuple[str, ...]:
    """The files of the cluster's own data that a run works on, as far as the register names plain ones."""
    entries = [(registered or {}).get(name, {}) for name in _named(checked.config)]
    names = [entry.get("file_name") for entry in entries]
    data = f"{cluster.llamafactory_checkout}/data"
    paths = [posixpath.join(data, name) for name in names if isinstance(name, str)]
    return tuple(path for path in dict.fromkeys(paths) if is_plain_path(path))[:MOST_DATA_FILES]


def _named(config: Mapping[str, Any]) -> list[str]:
    texts = [config.get("dataset") or "", config.get("eval_dataset") or ""]
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _seen_from_the_container(entry: Mapping[str, Any]) -> dict[str, Any]:
    """LLaMA-Factory joins file_name to its dataset_dir, which is ours here: the checkout's is written out."""
    file_name = entry.get("file_name")
    if not isinstance(file_name, str) or file_name.startswith("/"):
        return dict(entry)
    return {**entry, "file_name": f"{CHECKOUT}/data/{file_name}"}


def directives_of(resources: Mapping[str, Any]) -> Directives:
    """Directives to Slurm, by a job's resources."""
    names = {field.name for field in fields(Directives)}
    return Directives(**{name: value for name, value in resources.items() if name in names and value is not None})


def _directives(run: RunOf, config: Mapping[str, Any]) -> Directives:
    """With the warning before the time limit, where the training listens to it."""
    asked = directives_of(run.resources)
    if run.kind != "train" or not config.get("enable_jit_checkpoint"):
        return asked
    limit = parse_time_limit(asked.time_limit)
    return replace(asked, warning_seconds=warning_seconds(limit, run.learned, run.longest_save_elsewhere))


def _run_plan(
    cluster: ClusterSettings,
    run: RunOf,
    config: Mapping[str, Any],
    uploads: Sequence[TrainingData],
    data_files: tuple[str, ...],
) -> RunPlan:
    directory = attempt_directory(cluster.root, run.job_id, run.number)
    view = container_view(cluster, run.job_id, _contents(uploads), run.source, run.resume)
    return RunPlan(
        root=cluster.root,
        attempt_directory=directory,
        output_directory=output_directory(cluster.root, run.job_id),
        command=KINDS[run.kind].word,
        needs_torchrun=bool(config.get("deepspeed")),
        secrets=run.secrets,
        image=cluster.image,
        workdir=CHECKOUT if cluster.llamafactory_checkout else directory,
        gpu_flag=cluster.container_gpu_flag,
        binds=view.binds,
        own_places=view.own_places,
        data_files=data_files,
        archives=tuple(data.archive for data in uploads if data.archive is not None),
        environment={**run.environment, **tracking_environment(run.job_id, config), **cluster.environment},
        resume=checkpoint_place(run.resume) if run.resume else "",
        site=cluster,
    )


def _contents(uploads: Sequence[TrainingData]) -> list[tuple[str, str]]:
    """Those that a run reads where they lie."""
    return [(data.sha256, data.extension) for data in uploads if data.archive is None]
