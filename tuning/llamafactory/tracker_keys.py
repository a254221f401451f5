"""Keys that experiment trackers (W&B, Comet, ...) need in a run's environment. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tuning.errors import Finding

TRACKER_KEYS: Mapping[str, str] = {
    "clearml": "CLEARML_API_SECRET_KEY",
    "comet_ml": "COMET_API_KEY",
    "dagshub": "DAGSHUB_USER_TOKEN",
    "neptune": "NEPTUNE_API_TOKEN",
    "swanlab": "SWANLAB_API_KEY",
    "trackio": "HF_TOKEN",
    "wandb": "WANDB_API_KEY",
}
"""By the tracker's name in report_to."""


def missing_keys(config: Mapping[str, Any], known: Collection[str], *, is_wandb_offline: bool) -> Iterator[Finding]:
    """Warnings about trackers without a key among the `known` variables and secrets; offline, W&B needs none."""
    reporters = config.get("report_to")
    named = [reporters] if isinstance(reporters, str) else reporters or []
    for tracker in sorted(TRACKER_KEYS.keys() & {*named}):
        key = TRACKER_KEYS[tracker]
        if key in known or (tracker == "wandb" and is_wandb_offline):
            continue
        hint = f"keep it with `packtrain secrets set {key}` and name it in secrets, or set report_to to none"
        message = f"{tracker} needs {key}, which this job has not got: the run may fail when training begins"
        yield Finding(("config", "report_to"), message, hint, "warning")
