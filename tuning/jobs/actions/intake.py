"""A request becomes the rows of a job, or a list of all that is wrong with it. No rows are written here."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.jobs.actions.checked_request import CheckedRequest
from tuning.jobs.actions.given_config import given_config
from tuning.jobs.actions.named_results import Lookup, take_named
from tuning.jobs.actions.named_uploads import doubt_both, find_named, not_ready
from tuning.jobs.attempt.plan import TrainingData, config_context
from tuning.jobs.request.commands import NOT_ASKED, CheckoutTexts, read_command
from tuning.jobs.request.resources import (
    UNKNOWN_CLUSTER,
    ClusterView,
    check_options,
    check_resources,
    complete_resources,
    gpu_memory_bytes,
    gpu_type,
)
from tuning.jobs.request.resume import NewRun, ResumePoint, check_resume, resume_point
from tuning.jobs.request.sources import SourceJob, check_source, source_model, to_json
from tuning.jobs.request.spec import MAX_PRIORITY, JobRequest, Resources
from tuning.jobs.status import ENDED, JobStatus
from tuning.llamafactory.arguments.accepted import load_schema
from tuning.llamafactory.arguments.paths import ADAPTERS, MODELS, AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.environment import check_environment
from tuning.llamafactory.kinds import KINDS, Kind, SourceModel, meant_kind, runs_on_cpu
from tuning.llamafactory.tracker_keys import TRACKER_KEYS, missing_keys
from tuning.models.names import ResultName
from tuning.notices.rules import NO_NOTICES, NoticeRules
from tuning.recipes.catalogue import Recipe, find_recipe
from tuning.recipes.fitting import doubt_template, fitting_template
from tuning.settings import ClusterSettings
from tuning.site_settings import hub_environment


def _no_limits(_team_id: str, _job_class: str, _resources: Mapping[str, Any]) -> Sequence[Finding]:
    return ()


def _no_result(_name: str, _clusters: Sequence[str]) -> ResultName | None:
    return None


def _nothing_granted(_result: ResultName) -> SourceJob | None:
    return None


@dataclass(frozen=True)
class Surroundings:
    """Clusters, data, jobs and secrets to check a request against. The questions are asked only when they matter."""

    clusters: Mapping[str, ClusterSettings]
    view_of: Callable[[str], ClusterView]
    """What is known of a cluster."""
    uploads: Callable[[Sequence[str]], Sequence[TrainingData]]
    """The data sets with these ids, as far as they exist."""
    uploads_by_name: Callable[[Sequence[str]], Mapping[str, TrainingData]]
    """The data sets that these names in a configuration mean, as far as they exist."""
    model_aliases: Callable[[str], Mapping[str, str]]
    """Names in a cluster's catalogue, by further names that administrators gave its models."""
    jobs: Callable[[Sequence[str]], Mapping[str, SourceJob]]
    """The jobs with these ids, as far as they exist: what a job is based on, and what it waits for."""
    team_of: Callable[[str | None], str | None]
    """Id of the team of this name, or by default the usual one, of whoever asks; None = they are not in it."""
    team_name: Callable[[str], str | None]
    """Name of the team with this id; None = whoever asks is not in it."""
    missing_secrets: Callable[[Sequence[str]], Sequence[str]]
    """Those of these names under which whoever asks has no secret."""
    limits: Callable[[str, str, Mapping[str, Any]], Sequence[Finding]] = _no_limits
    """Findings about limits that a job of this team (its id), class and resources would exceed for good."""
    result_named: Lookup = _no_result
    """The result that a name or an alias on one of these clusters means, whether or not whoever asks may use it."""
    granted: Callable[[ResultName], SourceJob | None] = _nothing_granted
    """The job of a result that a team of whoever asks was granted."""
    checkout: CheckoutTexts = NOT_ASKED
    """Files that the request's command names and does not bring."""
    highest_priority: int = MAX_PRIORITY
    """That whoever asks may give a job; minus that is the lowest."""
    notices: NoticeRules = NO_NOTICES
    """Which webhooks this server takes."""
    takes_unready_data: bool = False
    """Make a job whose data is still looked at, which waits for that, or was refused, by which it fails at once."""


def check_request(request: JobRequest, around: Surroundings) -> CheckedRequest:
    """Findings of a request, all at once, and what is made of it; raises nothing."""
    read, findings = read_command(request, around.checkout.texts)
    return _Intake(read, around, [*findings, *around.checkout.findings]).checked()


def resources_of(request: JobRequest, around: Surroundings) -> Mapping[str, Any]:
    """Resources that a request would have, completed with the cluster's defaults."""
    return _Intake(request, around).resources_json


def request_sha256(request: JobRequest, origin: str | None = None) -> str:
    """By this a repeated request is known to be the same: its content, in one form."""
    content = {"origin": origin, **request.model_dump(mode="json", exclude_defaults=True)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_priority(priority: int, highest: int) -> list[Finding]:
    """Findings about a priority that lies beyond `highest`, or below minus that, for a user who may give no other."""
    if abs(priority) <= highest:
        return []
    hint = f"give {-highest} to {highest}; an administrator can give a job any other"
    return [Finding(("priority",), f"a priority of {priority} is for administrators only", hint)]


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments over others; null over an argument takes it away."""
    taken_away = {name for name, value in above.items() if value is None and name in below}
    return {name: value for name, value in {**below, **above}.items() if name not in taken_away}


class _Intake:
    """One pass over one request, collecting."""

    def __init__(self, request: JobRequest, around: Surroundings, findings: Sequence[Finding] = ()) -> None:
        self.around = around
        self.findings: list[Finding] = list(findings)
        recipe = _recipe(request, self.findings)
        based = bool(request.recipe or request.source_job)
        self.given = given_config(request, self.findings, has_recipe=based)
        whole = laid_over(recipe.config if recipe else {}, self.given or {})
        named = take_named(request, whole, around.clusters, around.result_named)
        self.request, self.whole = (request := named.request), named.config
        self.findings += named.findings
        self.kind: Kind = _kind(request, recipe, self.given or {}, self.findings)
        based_on = (request.source_job, request.resume_from.job if request.resume_from else None)
        uploads = _uploads(request.datasets, around, self.findings)
        self.uploads = tuple(data for data in uploads if data.status == "ready")
        self.unready = tuple(data for data in uploads if data.status != "ready")
        checks = [data.check_job for data in self.unready if data.status == "checking"]
        wanted = [*request.depends_on, *filter(None, (*based_on, *checks))]
        self.jobs = around.jobs(wanted) if wanted else {}
        source = self._source_job()
        asked = _with_defaults(request.resources, recipe, source, self.uploads)
        self.cluster = _cluster(asked, around.clusters, self.findings)
        self.view = around.view_of(self.cluster.name) if self.cluster else UNKNOWN_CLUSTER
        self.source = self._source(source)
        self.resources = self._resources(asked)
        self.resources_json = self.resources.model_dump()
        self.notes = [f"{name[:200]} was read from the cluster's checkout" for name in around.checkout.texts]
        self.notes += named.notes

    def checked(self) -> CheckedRequest:
        dependencies = self._dependencies()
        self._data_elsewhere()
        self._secrets()
        team_id = self._team()
        self._webhooks()
        self.findings += check_priority(self.request.priority, self.around.highest_priority)
        self.findings += check_environment(self.request.environment, self.cluster.environment if self.cluster else {})
        config_check = self._config()
        resume = self._resume(config_check)
        if team_id and self.cluster is not None:
            # last: whoever else makes a job may have to wait from here on
            self.findings += self.around.limits(team_id, self.request.job_class, self.resources_json)
        return CheckedRequest(
            request=self.request,
            kind=self.kind,
            source=self.source,
            resume=resume,
            dependencies=dependencies,
            cluster=self.cluster,
            view=self.view,
            config_check=config_check,
            resources=self.resources_json,
            team_id=team_id,
            uploads=self.uploads,
            unready=self.unready,
            findings=tuple(self.findings),
            own_notes=tuple(self.notes),
        )

    def _source_job(self) -> SourceJob | None:
        """The job that it is based on: one that may be seen, or that was granted."""
        job_id = self.request.source_job
        if job_id is None or job_id in self.jobs:
            return self.jobs.get(job_id or "")
        return self.around.granted(ResultName(job_id, self.request.checkpoint))

    def _source(self, job: SourceJob | None) -> SourceModel | None:
        request = self.request
        if request.source_job is None:
            if request.checkpoint is not None:
                self.findings.append(Finding(("checkpoint",), "a checkpoint of which job?", "name it in source_job"))
            return None
        if job is None:
            self.findings.append(Finding(("source_job",), f"there is no job {request.source_job}"))
            return SourceModel(request.source_job)  # told of once: its model need not be missed as well
        cluster = self.cluster.name if self.cluster else job.cluster
        self.findings += check_source(self.kind, job, request.checkpoint, cluster)
        return source_model(job, request.checkpoint)

    def _resources(self, asked: Resources) -> Resources:
        if self.cluster is None:
            return asked
        if asked.gpus_per_node is None and runs_on_cpu(self.kind, {**self.whole, **self.cluster.arguments}):
            asked = asked.model_copy(update={"gpus_per_node": 0})
        completed = complete_resources(asked, self.cluster, self.view)
        slurm_knows_gpus = self.cluster.gpu_request != "none"
        self.findings += check_resources(completed, self.view, slurm_knows_gpus=slurm_knows_gpus)
        self.findings += check_options(completed.options, self.cluster)
        return completed

    def _dependencies(self) -> tuple[str, ...]:
        for place, job_id in enumerate(self.request.depends_on):
            job = self.jobs.get(job_id)
            if job is None:
                self.findings.append(Finding(("depends_on", place), f"there is no job {job_id}"))
            elif job.status in ENDED and job.status is not JobStatus.SUCCEEDED:
                message = f"{job_id} is {job.status}: it will never have succeeded"
                self.findings.append(Finding(("depends_on", place), message, "leave it out, or name its retry"))
        awaited = {*self.request.depends_on, self.request.source_job, *(data.check_job for data in self.unready)}
        return tuple(sorted(job.id for job in self.jobs.values() if job.id in awaited and job.status not in ENDED))

    def _resume(self, config_check: CheckedConfig | None) -> ResumePoint | None:
        asked = self.request.resume_from
        if asked is None:
            return None
        job = self.jobs.get(asked.job or "")
        if job is None:
            wrong = f"there is no job {asked.job}" if asked.job else "a checkpoint of which job?"
            hint = "name the training that left the checkpoint"
            self.findings.append(Finding(("resume_from", "job"), wrong, hint))
            return None
        if config_check is not None and self.cluster is not None:
            silent = load_schema(self.cluster.llamafactory_version).silent
            source, datasets = to_json(self.source) if self.source else None, tuple(data.id for data in self.uploads)
            known = (config_check.config, source, self.resources_json, datasets, silent)
            self.findings += check_resume(job, asked.checkpoint, NewRun(self.kind, self.cluster.name, *known))
        return resume_point(job, asked.checkpoint)

    def _team(self) -> str:
        """Id of the job's team; of none where whoever asks is not in it."""
        team_id = self.around.team_of(self.request.team)
        if team_id is None:
            named = self.request.team
            wrong = f"you are not in the team {named}" if named else "you are in no team"
            hint = "GET /api/v1/me lists your teams; an administrator puts people into teams"
            self.findings.append(Finding(("team",), wrong, hint))
        return team_id or ""

    def _secrets(self) -> None:
        names = self.request.secrets
        for name in self.around.missing_secrets(names) if names else ():
            hint = f"set it with PUT /secrets/{name}, or `packtrain secrets set {name}`"
            self.findings.append(Finding(("secrets", names.index(name)), f"you have no secret {name}", hint))

    def _webhooks(self) -> None:
        for place, webhook in enumerate(self.request.webhooks):
            for found in self.around.notices.check(webhook):
                self.findings.append(replace(found, loc=("webhooks", place, *found.loc)))

    def _data_elsewhere(self) -> None:
        """A data set that lies on a cluster is nowhere else."""
        for data in self.uploads:
            if data.cluster is not None and self.cluster is not None and data.cluster != self.cluster.name:
                loc = ("datasets", self.request.datasets.index(data.id))
                hint = f"set resources.cluster to {data.cluster}, or leave it out"
                self.findings.append(Finding(loc, f"{data.id} lies on {data.cluster} and not on any other", hint))

    def _config(self) -> CheckedConfig | None:
        if self.given is None or self.cluster is None:
            return None
        whole = dict(self.whole)
        for name in ("dataset", "eval_dataset"):
            self._name_uploads(whole, name, self.cluster)
        known = (self.view.datasets, self.uploads, self.resources_json, self.kind, self.source)
        context = config_context(self.cluster, *known)
        context = replace(
            context,
            places=self._places(context.places, self.cluster, whole),
            # one that does not exist has been told of: it need not be missed a second time
            has_uploaded_datasets=bool(self.request.datasets or self.uploads),
            known_datasets=self._known_datasets(context),
            model_shapes=self.view.models,
            model_configs=self.view.model_configs,
            model_files=self.view.model_files,
            models_with_code=self.view.models_with_code,
            gpu_type=gpu_type(self.resources, self.view),
            gpu_memory_bytes=gpu_memory_bytes(self.resources, self.cluster, self.view),
        )
        if self.request.recipe is not None and self.source is None:
            whole |= fitting_template(whole)
        checked = check_config(whole, context)
        self.findings += self._trackers(checked.config, self.cluster)
        known_model = self.view.model_configs.get(str(checked.config.get("model_name_or_path")))
        model_type = known_model.model_type if known_model is not None else None
        self.findings += [*checked.findings, *doubt_template(whole, self.source, model_type)]
        if (argument := KINDS[self.kind].data) is not None:
            self.findings += doubt_both(argument, checked.config, self.uploads)
        return checked

    def _known_datasets(self, context: ConfigContext) -> frozenset[str] | None:
        """With data of which nothing else is known yet."""
        known = context.known_datasets
        return known | {data.id for data in self.unready} if known is not None else None

    def _trackers(self, config: Mapping[str, Any], cluster: ClusterSettings) -> Iterator[Finding]:
        variables = {**self.request.environment, **cluster.environment}
        known = {*self.request.secrets, *variables}
        image = {"WANDB_MODE": "offline"}
        seen = {**image, **hub_environment(cluster.hub, TRACKER_KEYS["wandb"] in known), **variables}
        return missing_keys(config, known, is_wandb_offline=seen["WANDB_MODE"] in ("offline", "disabled"))

    def _places(self, places: AllowedPlaces, cluster: ClusterSettings, config: Mapping[str, Any]) -> AllowedPlaces:
        """With the further names of its models, where the configuration names something that the catalogue has not."""
        named = [config.get(name) for name in (*MODELS, *ADAPTERS)]
        if all(name is None or name in cluster.models for name in named if isinstance(name, str | None)):
            return places
        aliases = self.around.model_aliases(cluster.name)
        known = {alias: cluster.models[model] for alias, model in aliases.items() if model in cluster.models}
        return replace(places, models={**known, **cluster.models}, aliases=frozenset(known))

    def _name_uploads(self, config: dict[str, Any], argument: str, cluster: ClusterSettings) -> None:
        """Put the ids of uploads in the place of their names."""
        registered = self.view.datasets if cluster.llamafactory_checkout is not None else {}
        known = registered.keys() if registered is not None else None
        lookup, unready = self.around.uploads_by_name, self.around.takes_unready_data
        found = find_named(argument, config.get(argument), known, cluster.name, lookup, takes_unready=unready)
        if found is None:
            return
        config[argument] = found.written
        self.notes += found.notes
        self.findings += found.findings
        self.uploads = tuple({data.id: data for data in (*self.uploads, *found.uploads)}.values())
        self.unready = tuple({data.id: data for data in (*self.unready, *found.unready)}.values())


def _recipe(request: JobRequest, findings: list[Finding]) -> Recipe | None:
    try:
        return find_recipe(request.recipe) if request.recipe is not None else None
    except InvalidInput as error:
        findings += error.findings
        return None


def _kind(request: JobRequest, recipe: Recipe | None, config: Mapping[str, Any], findings: list[Finding]) -> Kind:
    """The kind that was asked for by name, or that of the recipe, or what the configuration is plainly for."""
    if "kind" not in request.model_fields_set:
        return recipe.kind if recipe else meant_kind(config) or request.kind
    if recipe is None:
        return request.kind
    if request.kind != recipe.kind:
        message = f"the recipe {recipe.name} is of kind {recipe.kind}, not {request.kind}"
        findings.append(Finding(("kind",), message, "leave kind out, or choose another recipe"))
    return request.kind


def _with_defaults(
    asked: Resources, recipe: Recipe | None, source: SourceJob | None, uploads: Sequence[TrainingData]
) -> Resources:
    """Resources as asked for, over the recipe's; a source's files lie on its own cluster, and so may data."""
    lies_on = source.cluster if source else next((data.cluster for data in uploads if data.cluster), None)
    if recipe is None and lies_on is None:
        return asked
    given = {"cluster": lies_on} if lies_on else {}
    given |= recipe.resources if recipe else {}
    return Resources.model_validate({**given, **asked.model_dump(exclude_none=True)})


def _cluster(
    resources: Resources, clusters: Mapping[str, ClusterSettings], findings: list[Finding]
) -> ClusterSettings | None:
    known = ", ".join(sorted(clusters)) or "none yet: the server's clusters file is empty"
    if resources.cluster is None and clusters:
        return next(iter(clusters.values()))  # the first of the file is the lab's usual one
    if resources.cluster is None:
        findings.append(Finding(("resources", "cluster"), "there is no cluster", f"the clusters are: {known}"))
        return None
    if resources.cluster not in clusters:
        message = f"there is no cluster {resources.cluster}"
        findings.append(Finding(("resources", "cluster"), message, f"the clusters are: {known}"))
    return clusters.get(resources.cluster)


def _uploads(ids: Sequence[str], around: Surroundings, findings: list[Finding]) -> tuple[TrainingData, ...]:
    found = {data.id: data for data in around.uploads(ids)} if ids else {}
    for place, dataset_id in enumerate(ids):
        if dataset_id not in found:
            hint = "upload it with POST /datasets; GET /datasets lists what is there"
            findings.append(Finding(("datasets", place), f"there is no data set {dataset_id}", hint))
        elif dataset_id in ids[:place]:
            findings.append(Finding(("datasets", place), f"{dataset_id} is named twice", "name it once"))
        elif found[dataset_id].status != "ready" and not around.takes_unready_data:
            findings.append(not_ready(found[dataset_id], ("datasets", place)))
    usable = [found[dataset_id] for dataset_id in dict.fromkeys(ids) if dataset_id in found]
    return tuple(data for data in usable if data.status == "ready" or around.takes_unready_data)
