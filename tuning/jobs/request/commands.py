"""Requests that bring a command line or a batch script, as the configuration and resources that it stands for. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tuning.errors import Finding
from tuning.jobs.request.config_values import find_unstorable
from tuning.jobs.request.spec import JobName, JobRequest, Resources
from tuning.llamafactory.commands.reading import ReadResource, ReadTraining, read_training

_NAME: TypeAdapter[str] = TypeAdapter(JobName)


@dataclass(frozen=True)
class CheckoutTexts:
    """Files of the cluster's checkout that a command names and the request does not bring."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """By the names that the command has for them."""
    findings: tuple[Finding, ...] = ()
    """Reasons for which they could not be looked for."""


NOT_ASKED = CheckoutTexts()


def missing_files(request: JobRequest, texts: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """Names of the files that a request's `command` or `script` needs and that neither it nor `texts` has."""
    text = request.command if request.command is not None else request.script
    if text is None or request.config is not None or request.config_yaml is not None:
        return ()
    return read_training(text, "command", {**texts, **request.files}).missing


def read_command(
    request: JobRequest, texts: Mapping[str, str] = MappingProxyType({})
) -> tuple[JobRequest, tuple[Finding, ...]]:
    """The request with what its `command` or `script` says in place, and the findings about that.

    `texts` are those of files that it names and does not bring, by these names.

    What the request itself says of kind, name and resources holds over the text. Where there are errors, it keeps
    its text and has no configuration. A request without either is given back as it is.
    """
    if request.command is None and request.script is None:
        return request, tuple(_files_alone(request))
    if request.config is not None or request.config_yaml is not None or None not in (request.command, request.script):
        return request, ()  # told of by the intake, once
    field_name = "command" if request.command is not None else "script"
    read = read_training(request.command or request.script or "", field_name, {**texts, **request.files})
    findings = list(read.findings)
    said = {**_resources(read.resources, findings), **request.resources.model_dump(exclude_none=True)}
    update: dict[str, Any] = {"resources": Resources.model_validate(said)}
    if (config := _config(read, field_name, findings)) is not None:
        update |= {"config": config, "command": None, "script": None}
    if read.environment:
        update["environment"] = {**read.environment, **request.environment}
    if request.name is None and read.name is not None:
        update["name"] = _name(read.name, field_name, findings)
    if read.kind is not None:
        update["kind"] = _kind(request, read, field_name, findings)
    return request.model_copy(update=update), tuple(findings)


def _files_alone(request: JobRequest) -> Iterator[Finding]:
    if request.files:
        hint = "give config_yaml for the text of a configuration"
        yield Finding(("files",), "files go with a command or a script that names them", hint)


def _resources(read: Mapping[str, ReadResource], findings: list[Finding]) -> dict[str, Any]:
    """Each by itself held to what a request may ask for."""
    kept: dict[str, Any] = {}
    for name, asked in read.items():
        if name not in Resources.model_fields:
            message = f"{name} is not taken over: packtrain's requests do not ask for it"
            findings.append(Finding(asked.loc, message, "it can be left out", "warning"))
            continue
        try:
            kept |= Resources.model_validate({name: asked.value}).model_dump(exclude_none=True)
        except ValidationError as error:
            findings.append(Finding(asked.loc, f"{name}: {_reason(error)}", f"give resources.{name} in its place"))
    return kept


def _reason(error: ValidationError) -> str:
    wrong = error.errors(include_input=False)[0]
    if wrong["type"] == "string_pattern_mismatch":
        return "it does not have the form that a request takes"
    return str(wrong["msg"]).removeprefix("Value error, ")


def _config(read: ReadTraining, field_name: str, findings: list[Finding]) -> dict[str, Any] | None:
    if read.config is None:
        return None
    config = dict(read.config)
    unstorable = list(find_unstorable(config, (field_name,)))
    findings += unstorable
    return None if unstorable else config


def _name(name: str, field_name: str, findings: list[Finding]) -> str | None:
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        message = "the name of the Slurm job is not taken over: a name is one line of at most 200 characters"
        findings.append(Finding((field_name,), message, "give a name (--name)", "warning"))
        return None


def _kind(request: JobRequest, read: ReadTraining, field_name: str, findings: list[Finding]) -> str | None:
    if "kind" in request.model_fields_set and request.kind != read.kind:
        message = f"the {field_name} is of kind {read.kind}, not {request.kind}"
        findings.append(Finding(("kind",), message, "leave kind out"))
    return read.kind
