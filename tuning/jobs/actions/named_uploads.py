"""Uploads that a configuration names in `dataset` or `eval_dataset`, by name or id."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.jobs.attempt.plan import TrainingData
from tuning.llamafactory.config.references import names

MAX_NAMES = 100
"""So many names in an argument are looked up."""
Lookup = Callable[[Sequence[str]], Mapping[str, TrainingData]]
"""The data sets that these names mean, as far as they exist."""


@dataclass(frozen=True)
class NamedUploads:
    """Uploads that one argument names; `written` has ids in place of names."""

    written: str
    uploads: tuple[TrainingData, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    unready: tuple[TrainingData, ...] = ()
    """Those that are taken although they are still looked at, or were refused."""


def find_named(
    argument: str,
    value: Any,
    registered: Set[str] | None,
    cluster: str,
    lookup: Lookup,
    *,
    takes_unready: bool = False,
) -> NamedUploads | None:
    """Uploads among the names in an argument's value; None where it names none.

    What the cluster itself knows by a name (`registered`) comes first. Before it was asked (None), only ids are surely
    not among that. One that is not ready is a finding, unless such are taken.
    """
    parts = names(value) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    unknown = [name for name in parts[:MAX_NAMES] if _may_be_upload(name, registered)]
    found = lookup(unknown) if unknown else {}
    if not found:
        return None
    each = {data.id: data for data in found.values()}
    unready = tuple(data for data in each.values() if takes_unready and data.status != "ready")
    told = {name: data for name, data in found.items() if data not in unready}
    return NamedUploads(
        written=",".join(found[part].id if part in found else part for part in parts),
        uploads=tuple(data for data in each.values() if data not in unready),
        notes=tuple(f"{argument}: {name} is {data.id}, {data.name}" for name, data in found.items() if name != data.id),
        findings=tuple(finding for name, data in told.items() for finding in _unusable(argument, name, data, cluster)),
        unready=unready,
    )


def not_ready(data: TrainingData, loc: tuple[str | int, ...]) -> Finding:
    """Finding for a data set that is not ready yet, or was refused."""
    if data.status == "checking":
        return Finding(loc, f"{data.id} is still being checked", f"GET /datasets/{data.id} says when it is ready")
    return Finding(loc, f"{data.id} was refused by its check", f"GET /datasets/{data.id} says why")


def doubt_both(argument: str, config: Mapping[str, Any], uploads: Sequence[TrainingData]) -> list[Finding]:
    """A warning where a request's data sets are used beside those that its configuration names, as an example's may."""
    named = names(config.get(argument))
    used = {*names(config.get("dataset")), *names(config.get("eval_dataset"))}
    beside = [data.id for data in uploads if data.id not in used]
    own = [name for name in named if name not in {data.id for data in uploads}]
    if not own or not beside:
        return []
    message = f"{argument} names {', '.join(own)[:200]}: used together with {', '.join(beside)[:200]}"
    hint = f"`{argument}: null` (--set {argument}=null) uses the data sets of the request alone"
    return [Finding(("config", argument), message, hint, "warning")]


def _may_be_upload(name: str, registered: Set[str] | None) -> bool:
    return name.startswith("ds_") or (registered is not None and name not in registered)


def _unusable(argument: str, name: str, data: TrainingData, cluster: str) -> list[Finding]:
    loc = ("config", argument)
    if data.status != "ready":
        return [not_ready(data, loc)]
    if data.cluster not in (None, cluster):
        hint = f"set resources.cluster to {data.cluster}"
        return [Finding(loc, f"{name} lies on {data.cluster} and not on any other", hint)]
    return []
