"""The check of a configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments import paths
from tuning.llamafactory.arguments.accepted import ArgumentSchema, load_schema
from tuning.llamafactory.arguments.coercion import coerce
from tuning.llamafactory.arguments.ownership import LEFT_OUT, NOT_DONE, REFUSED, TAKEN_OVER, overruled
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.arguments.unread import is_unread
from tuning.llamafactory.config import references
from tuning.llamafactory.config.deepspeed import Preset, preset, preset_elsewhere
from tuning.llamafactory.config.media import WITH_THE_RUN, MediaPlace, doubt_media, reads_media
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.config.old_names import MEANT
from tuning.llamafactory.config.other_files import other_file
from tuning.llamafactory.config.yaml_text import find_bad_text, holds_reference
from tuning.llamafactory.kinds import KINDS, Kind, SourceModel, fixed_arguments
from tuning.llamafactory.memory.estimate import MemoryEstimate, estimate_memory, too_large
from tuning.llamafactory.model_checks.check import doubt_by_model
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.described import KnownModel, ModelFiles
from tuning.llamafactory.rules import RULES, Run, check_rules

MAX_ARGUMENTS = 400
"""No LLaMA-Factory has as many; more are refused, since naming the nearest of each takes time."""

_MOST_NAMES_EXPLAINED = 20


@dataclass(frozen=True)
class ConfigContext:
    """Context of the check: the properties of the cluster and of the request that it needs."""

    places: AllowedPlaces = field(default_factory=AllowedPlaces)
    known_datasets: frozenset[str] | None = None
    """Names registered on the cluster; None = not known yet, then no name is refused."""
    has_uploaded_datasets: bool = False
    operator_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Laid over every job's configuration (ClusterSettings.arguments); trusted, not checked."""
    schema: ArgumentSchema = field(default_factory=load_schema)
    kind: Kind = "train"
    source: SourceModel | None = None
    """What the job's source job hands over: then no model need be named."""
    processes: int = 1
    """The world size: nodes x GPUs a node, at least 1."""
    dataset_entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """dataset_info.json entries, as far as they are known: registered ones by name, and those of the request's uploads
    (whatever is not in `known_datasets`) by id."""
    model_shapes: Mapping[str, ModelShape] = field(default_factory=dict)
    """The shapes of models, by path, as far as they are known."""
    model_configs: Mapping[str, ModelConfig] = field(default_factory=dict)
    """Their config.json, likewise."""
    model_files: Mapping[str, ModelFiles] = field(default_factory=dict)
    """Further files of their folders, likewise."""
    gpu_type: str | None = None
    """Slurm's word for the GPUs of the request, where it is known."""
    gpu_memory_bytes: int | None = None
    """Of one GPU of the partition, where it is known."""
    trusted_models: frozenset[str] = frozenset()
    """Paths of models whose own code may run."""
    models_with_code: frozenset[str] = frozenset()
    """Paths of models that do not load without code of their own."""
    media_places: Mapping[str, MediaPlace] = field(default_factory=dict)
    """Folders at which the media of data sets begin, by the names and ids of these; unknown ones are missing."""
    untrained_histories: frozenset[str] = frozenset()
    """Ids of uploads in which answers before the last of a row have the weight 0."""


@dataclass(frozen=True)
class CheckedConfig:
    """The outcome of the check."""

    config: dict[str, Any]
    """The user's arguments, coerced, models and paths resolved, without those that packtrain owns."""
    findings: tuple[Finding, ...]
    """All that is wrong or doubtful, `loc` = ("config", argument)."""
    notes: tuple[str, ...]
    """What was changed in the meaning of the user's words: coercions and resolved models."""
    operator_arguments: Mapping[str, Any]
    """Those of them that this kind of job takes."""
    defaults: Mapping[str, Any]
    """What packtrain sets where nobody says anything else: as far as this version of LLaMA-Factory knows it."""
    kind: Kind = "train"
    deepspeed: Preset | None = None
    """The preset that `config["deepspeed"]` names: its text is packtrain's to write."""
    memory: MemoryEstimate | None = None
    """Of one GPU, where the model is known and there is a GPU in it."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid the job to be accepted."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that the user should read."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")


def check_config(config: Mapping[str, Any], context: ConfigContext) -> CheckedConfig:
    """Findings of a configuration for a kind of job, all at once; raises nothing.

    Checking what it returned again changes nothing more.
    """
    check = _Check(context, config)
    is_whole = context.kind == "train" and context.source is None and not context.has_uploaded_datasets
    if (other := other_file(config, is_whole=is_whole)) is not None:
        check.findings.append(Finding(("config",), other.message, other.hint))
        return check.outcome()
    for name, value in list(config.items())[:MAX_ARGUMENTS]:
        check.take(name, value)
    if len(config) > MAX_ARGUMENTS:
        check.findings.append(Finding(("config",), f"{len(config)} arguments; {MAX_ARGUMENTS} are looked at"))
    check.resolve_places()
    check.settle_code()
    check.settle_data()
    check.settle_source()
    check.judge()
    return check.outcome()


class _Check:
    """One pass over one configuration, collecting."""

    def __init__(self, context: ConfigContext, given: Mapping[str, Any]) -> None:
        self.context, self.given = context, given
        self.row = KINDS[context.kind]
        self.known = context.schema.taken_by(self.row.classes)
        self.operator = {
            name: value
            for name, value in context.operator_arguments.items()
            if name in self.known or name not in context.schema.arguments
        }
        self.config: dict[str, Any] = {}
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.preset: Preset | None = None
        self.memory: MemoryEstimate | None = None

    def take(self, name: str, value: Any) -> None:
        """Sort one argument: owned, unknown, refused, or the user's own, coerced."""
        if name in TAKEN_OVER:
            message = f"{name} is taken over by packtrain: {TAKEN_OVER[name]}"
            self.findings.append(Finding(("config", name), message, "it can be left out", "warning"))
        elif name not in self.known:
            explain = len(self.findings) < _MOST_NAMES_EXPLAINED
            self.findings.append(references.unknown_argument(name, self.context.schema, self.row, explain=explain))
        elif not isinstance(value, int) and (bad := list(find_bad_text(value, ("config", name)))):
            self.findings.extend(bad)
        elif name in REFUSED or name in NOT_DONE:
            self._take_unwanted(name, value)
        else:
            self._take_own(name, value)

    def _take_unwanted(self, name: str, value: Any) -> None:
        if value in (None, False, "", "false", "False", self.context.schema.arguments[name].default):
            return
        if name in NOT_DONE:
            message = f"{name} is left out: {NOT_DONE[name]}"
            self.findings.append(Finding(("config", name), message, "it can be left out", "warning"))
            return
        hint = "remove it; the operator of the cluster can set it for every job"
        self.findings.append(Finding(("config", name), f"{name} is not allowed: {REFUSED[name]}", hint))

    def _take_own(self, name: str, value: Any) -> None:
        coerced = coerce(self.context.schema.arguments[name], value)
        if coerced.problem and value is None and is_unread(name, self.given):
            self.notes.append(f"{name}: nothing is taken as left out")
            return
        if coerced.problem:
            self.findings.append(Finding(("config", name), coerced.problem, _hint(name, value) or coerced.hint))
            return
        if isinstance(value, str) and (bad := list(find_bad_text(coerced.value, ("config", name)))):
            self.findings.extend(bad)  # JSON in a text: its escapes name characters that the text itself has not
            return
        self.config[name] = coerced.value
        if holds_reference(coerced.value):
            message = f"{name}: LLaMA-Factory replaces no ${{...}}: the text stays as it stands"
            self.findings.append(Finding(("config", name), message, "write the value out", "warning"))
        if coerced.note:
            self.notes.append(coerced.note)

    def resolve_places(self) -> None:
        """Hold every model and path to what the cluster allows."""
        for name, value in list(self.config.items()):
            if value in (None, ""):
                continue
            if name == "deepspeed" and (known := preset(value)):
                self.preset = known
                self._settle(name, [known])
            elif (resolved := paths.resolve_argument(name, value, self.context.places)) is not None:
                self._settle(name, resolved)

    def _settle(self, name: str, resolved: list[str | Finding]) -> None:
        wrong = [finding for finding in resolved if isinstance(finding, Finding)]
        if wrong and name == "deepspeed" and (known := preset_elsewhere(self.config[name])):
            self.preset, resolved, wrong = known, [known], []
        if wrong and name in LEFT_OUT and self._can_do_without(name, wrong):
            del self.config[name]
            message = f"{wrong[0].message}: it is left out, since {LEFT_OUT[name]}"
            self.findings.append(Finding(("config", name), message, "it can be left out", "warning"))
            return
        if wrong:
            self.findings.extend(wrong)
            return
        if not isinstance(self.config[name], str):
            return
        joined = ",".join(str(part) for part in resolved)
        if joined != self.config[name]:
            self.notes.append(f"{name}: {self.config[name]} is {joined}")
        self.config[name] = joined

    def _can_do_without(self, name: str, wrong: list[Finding]) -> bool:
        """Data that was tokenised before may be all the data there is; nobody names other jobs' folders by chance."""
        has_data = name != "tokenized_path" or any(self.given.get(each) for each in ("dataset", "eval_dataset"))
        return has_data and all(finding.hint != paths.OTHER_JOBS for finding in wrong)

    def settle_code(self) -> None:
        """A model's own code runs only where the operator trusts the model: `trust_remote_code` is false elsewhere."""
        if not self.config.get("trust_remote_code") or self.operator.get("trust_remote_code"):
            return
        model = str(self.config.get("model_name_or_path"))
        if model in self.context.trusted_models:
            return
        self.config["trust_remote_code"] = False
        self.findings.append(_untrusted(needs_code=model in self.context.models_with_code))

    def settle_data(self) -> None:
        """Kind predict works on eval_dataset, kind export on no data: what names data otherwise is told."""
        if self.row.name == "predict" and "dataset" in self.config and "eval_dataset" not in self.config:
            self.config["eval_dataset"] = self.config.pop("dataset")
            self.notes.append(f"dataset: {self.config['eval_dataset']} is what is predicted on (eval_dataset)")
            self._drop_val_size()
        unused = {"train": (), "predict": ("dataset",), "export": ("dataset", "eval_dataset")}[self.row.name]
        for name in unused:
            if self.config.pop(name, None):
                message = f"{name} is not used by kind {self.row.name}"
                self.findings.append(Finding(("config", name), message, "it can be left out", "warning"))

    def _drop_val_size(self) -> None:
        if self.config.pop("val_size", None):
            message = "val_size is left out: without training, all of the data is tested on"
            self.findings.append(Finding(("config", "val_size"), message, "it can be left out", "warning"))

    def settle_source(self) -> None:
        """Take over values of the source job where the user is silent."""
        source = self.context.source
        if source is None:
            return
        self.findings.extend(references.doubled_source(self.config, source))
        for name, value in (("template", source.template), ("finetuning_type", source.finetuning_type)):
            if value is not None and not self.config.get(name):
                self.config[name] = value
                self.notes.append(f"{name}: {value}, as in the source job")

    def judge(self) -> None:
        """Add the findings of the arguments together."""
        self._settle_media()
        self.findings.extend(overruled(self.config, self.operator, self.row))
        handed_over = self._handed_over()
        self.findings.extend(self._missing({**self.config, **handed_over, **self.operator}))
        schema = self.context.schema
        self.findings.extend(references.unknown_template(self.config, schema.templates, schema.version))
        known = self.context.known_datasets
        known = known | self.context.dataset_entries.keys() if known is not None else None
        self.findings.extend(references.unknown_datasets(self.config, known))
        run = self._run(handed_over)
        self.findings.extend(check_rules(run, RULES, self.row.name))
        model = self._model(run["model_name_or_path"] or "")
        self.findings.extend(doubt_by_model(model, run.arguments, self.row.name, self.context.gpu_type))
        if model.shape is not None and self.row.data is not None and not run["use_cpu"]:
            self.memory = estimate_memory(model.shape, run.arguments, run.processes)
            self.findings.extend(too_large(self.memory, self.context.gpu_memory_bytes))

    def _settle_media(self) -> None:
        """Media that came along are found without media_dir, and with another one they are not."""
        entries, used = self.context.dataset_entries, {*self._names(), *self._datasets()[0]}
        places = {name: self.context.media_places.get(name) for name in used if reads_media(entries.get(name, {}))}
        self.findings.extend(doubt_media(places, self.config.get("media_dir")))
        if WITH_THE_RUN in places.values():
            self.config.pop("media_dir", None)

    def _model(self, path: str) -> KnownModel:
        context = self.context
        return KnownModel(
            context.model_configs.get(path), context.model_shapes.get(path), context.model_files.get(path)
        )

    def _run(self, handed_over: Mapping[str, str]) -> Run:
        context, schema = self.context, self.context.schema
        said = {**self.config, **self.operator, **fixed_arguments(self.row, self.config), **handed_over}
        names, is_counted = self._datasets()
        data: dict[str, Any] = {self.row.data: ",".join(names)} if self.row.data and names else {}
        used = {*names, *references.names(self.config.get("eval_dataset"))}
        return Run(
            {**schema.silent, **self.row.defaults, **said, **data},
            processes=context.processes,
            is_counted=is_counted,
            entries=tuple(entry for name, entry in context.dataset_entries.items() if name in used),
            has_untrained_history=not context.untrained_histories.isdisjoint(used),
            templates_ending_once=schema.templates_ending_once,
            templates_with_media=schema.templates_with_media,
            transformers_major=int(schema.transformers.partition(".")[0]),
        )

    def _datasets(self) -> tuple[list[str], bool]:
        """The data sets that are worked on, uploaded ones too, and whether these are all."""
        named = references.names(self.config.get(self.row.data)) if self.row.data else []
        if not self._has_unnamed_uploads():
            return named, True
        unnamed = sorted(self._uploads() - self._names())
        return [*named, *(unnamed or ["uploaded"])], bool(unnamed)

    def _uploads(self) -> frozenset[str]:
        """The ids of the request's uploads, as far as they exist."""
        return frozenset(self.context.dataset_entries) - (self.context.known_datasets or frozenset())

    def _names(self) -> frozenset[str]:
        both = (self.config.get("dataset"), self.config.get("eval_dataset"))
        return frozenset(name for value in both for name in references.names(value))

    def _has_unnamed_uploads(self) -> bool:
        """Whether there are uploads that stand in no argument, or that do not exist: these are worked on."""
        uploads = self._uploads()
        return self.context.has_uploaded_datasets and (not uploads or not uploads <= self._names())

    def _handed_over(self) -> dict[str, str]:
        source = self.context.source or SourceModel()
        both = {"model_name_or_path": source.model, "adapter_name_or_path": source.adapter}
        return {name: path for name, path in both.items() if path is not None}

    def _missing(self, given: Mapping[str, Any]) -> Iterator[Finding]:
        already = {finding.loc[-1] for finding in self.findings}
        if "model_name_or_path" not in already:
            yield from references.missing_model(given, self.context.places)
        if self.row.data not in already:
            yield from references.missing_data(given, self.row, has_uploads=self._has_unnamed_uploads())

    def outcome(self) -> CheckedConfig:
        """All that was collected."""
        return CheckedConfig(
            config=self.config,
            findings=tuple(self.findings),
            notes=tuple(self.notes),
            operator_arguments=self.operator,
            defaults={name: value for name, value in self.row.defaults.items() if name in self.known},
            kind=self.row.name,
            deepspeed=self.preset,
            memory=self.memory,
        )


def _untrusted(*, needs_code: bool) -> Finding:
    loc = ("config", "trust_remote_code")
    if needs_code:
        message = "this model comes with code of its own, which jobs of this cluster may not run"
        return Finding(loc, message, "ask the operator to name the model in trusted_models")
    message = "trust_remote_code is taken as false: code from a model's repository is not run here"
    return Finding(loc, message, "it can be left out: most models need no code of their own any more", "warning")


def _hint(name: str, value: Any) -> str | None:
    word = value.strip().lower() if isinstance(value, str) else ""
    if name == "finetuning_type" and word == "qlora":
        return "QLoRA is finetuning_type: lora together with quantization_bit: 4"
    return MEANT.get(name, {}).get(word)
