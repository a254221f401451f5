"""The configuration that a request brings: an object, a text, or what was read from a command or a script."""

from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.jobs.request.config_values import find_unstorable
from tuning.jobs.request.spec import JobRequest
from tuning.llamafactory.config.yaml_text import parse_yaml


def given_config(request: JobRequest, findings: list[Finding], *, has_recipe: bool) -> dict[str, Any] | None:
    """Its arguments, in whichever form they came; None where there are none that can be read, which is then told."""
    if (doubled := _forms_given(request)) is not None:
        findings.append(doubled)
        return None
    if request.config is not None:
        return request.config
    if request.config_yaml is None:
        return _without_config(request, findings, has_recipe=has_recipe)
    try:
        config = parse_yaml(request.config_yaml)
    except InvalidInput as error:
        findings.extend(error.findings)
        return None
    unstorable = list(find_unstorable(config, ("config_yaml",)))
    findings.extend(unstorable)
    return None if unstorable else config


def _without_config(request: JobRequest, findings: list[Finding], *, has_recipe: bool) -> dict[str, Any] | None:
    if request.command is not None or request.script is not None:
        return None  # no configuration could be read from it; why has been told
    if has_recipe:
        return {}
    hint = (
        "give LLaMA-Factory's arguments as an object (config) or as the text of a YAML file (config_yaml), "
        "or the line that starts it (command, script)"
    )
    findings.append(Finding(("config",), "there is no configuration", hint))
    return None


def _forms_given(request: JobRequest) -> Finding | None:
    """A finding where there is more than one."""
    given = [name for name in ("config", "config_yaml", "command", "script") if getattr(request, name) is not None]
    if len(given) < 2:
        return None
    return Finding((given[1],), f"{given[0]} and {given[1]} are two forms of the same thing", "give one of them")
