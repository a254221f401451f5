"""OpenAI's integration with W&B and the variables of a run, both ways. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from server.openai.fine_tuning.bodies import Integration
from tuning.llamafactory.tracker_keys import TRACKER_KEYS

WANDB_KEY = TRACKER_KEYS["wandb"]
_USUAL_PROJECT = "llamafactory"
"""LLaMA-Factory's, where none is named."""


def wandb_environment(integrations: Iterable[Integration]) -> dict[str, str]:
    """Variables that say where W&B keeps the run."""
    found: dict[str, str] = {}
    for its in (integration.wandb for integration in integrations):
        given = {"PROJECT": its.project, "NAME": its.name, "ENTITY": its.entity, "TAGS": ",".join(its.tags)}
        found |= {f"WANDB_{name}": value for name, value in given.items() if value}
    return found


def integrations_of(config: Mapping[str, Any], environment: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Integrations that a job's configuration has; None where it is not kept by W&B."""
    reporters = config.get("report_to")
    named = [reporters] if isinstance(reporters, str) else reporters or []
    if not {"wandb", "all"} & {*named}:
        return None
    tags = [tag for tag in environment.get("WANDB_TAGS", "").split(",") if tag]
    run = {
        "project": environment.get("WANDB_PROJECT") or _USUAL_PROJECT,
        "name": environment.get("WANDB_NAME"),
        "entity": environment.get("WANDB_ENTITY"),
        "tags": tags or None,
    }
    return [{"type": "wandb", "wandb": run}]
