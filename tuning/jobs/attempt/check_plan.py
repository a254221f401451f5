"""Plan of one attempt of a data check: our own program, in the training image, on a file of the cluster."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.jobs.attempt.batch_script import RunPlan, render_script
from tuning.jobs.attempt.check_archive import check_archive
from tuning.jobs.attempt.mounts import allowed_places, container_view
from tuning.jobs.attempt.plan import directives_of
from tuning.jobs.layout import (
    CHECK_ORDER_FILE,
    CHECK_PROGRAM_FILE,
    JOB_SCRIPT,
    attempt_directory,
    check_report_path,
    output_directory,
    own_folders,
)
from tuning.llamafactory.arguments.paths import resolve_file, resolve_model
from tuning.llamafactory.inside import PROGRAMS_FILE, programs
from tuning.llamafactory.kinds import CHECK
from tuning.settings import ClusterSettings

_PLACES = ("cluster_path", "tokenizer")


@dataclass(frozen=True)
class CheckPlan:
    """Files and script of an attempt that checks data."""

    directory: str
    config: Mapping[str, Any]
    config_yaml: str
    """The program's order; JSON is YAML."""
    script: str

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the attempt's folder, by their path in it."""
        texts = {JOB_SCRIPT: self.script, CHECK_ORDER_FILE: self.config_yaml}
        archives = {PROGRAMS_FILE: programs(), CHECK_PROGRAM_FILE: check_archive()}
        return {**archives, **{path: text.encode() for path, text in texts.items()}}


def resolve_places(config: Mapping[str, Any], cluster: ClusterSettings) -> dict[str, Any]:
    """A check's configuration with its paths written out. Raises InvalidInput for what the cluster does not allow."""
    places = replace(allowed_places(cluster), hub_models=False)  # there is no tokenizer to read at a hub id
    resolvers = {"cluster_path": resolve_file, "tokenizer": resolve_model}
    resolved = {name: resolvers[name](name, config[name], places) for name in _PLACES if name in config}
    findings = [
        replace(finding, loc=(finding.loc[-1],)) for finding in resolved.values() if isinstance(finding, Finding)
    ]
    if findings:
        raise InvalidInput(findings)
    return {**config, **resolved}


def plan_check(
    job_id: str, number: int, config: Mapping[str, Any], resources: Mapping[str, Any], cluster: ClusterSettings
) -> CheckPlan:
    """The plan of an attempt. Raises InvalidInput where the settings no longer allow what was accepted."""
    order = json.dumps(_order(job_id, number, resolve_places(config, cluster), cluster), indent=2) + "\n"
    directory = attempt_directory(cluster.root, job_id, number)
    view = container_view(cluster, job_id)
    run = RunPlan(
        root=cluster.root,
        attempt_directory=directory,
        output_directory=output_directory(cluster.root, job_id),
        command=CHECK,
        image=cluster.image,
        workdir=directory,
        gpu_flag="none",
        binds=view.binds,
        own_places=view.own_places,
        environment=cluster.environment,
        site=_site_of_a_check(cluster),
    )
    return CheckPlan(directory, config, order, render_script(directives_of(resources), run))


def _site_of_a_check(cluster: ClusterSettings) -> ClusterSettings:
    """Without `exclusive`: a check has one core, and needs no whole node."""
    options = {name: value for name, value in cluster.sbatch_options.items() if name != "exclusive"}
    return cluster.model_copy(update={"sbatch_options": options})


def _order(job_id: str, number: int, config: Mapping[str, Any], cluster: ClusterSettings) -> dict[str, Any]:
    """As tuning.datasets.check.cluster_program.Order reads it; the batch script puts the content in its place."""
    cache = f"{attempt_directory(cluster.root, job_id, number)}/cache"
    return {
        "path": config["cluster_path"],
        "roots": list(cluster.allowed_roots),
        "closed": list(own_folders(cluster.root)),
        "arriving": f"{cache}/arriving",
        "content": f"{cache}/content/{{sha256}}.{{extension}}",
        "report": check_report_path(cluster.root, job_id),
        **{name: config[name] for name in ("tokenizer", "format", "purpose", "entry") if name in config},
    }
