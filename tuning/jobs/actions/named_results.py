"""Results that a configuration names as its model: the same as naming their job and checkpoint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.jobs.request.spec import JobRequest
from tuning.models.names import ResultName
from tuning.settings import ClusterSettings

ARGUMENT = "model_name_or_path"
Lookup = Callable[[str, Sequence[str]], ResultName | None]
"""The result that a name or an alias on one of these clusters means."""


@dataclass(frozen=True)
class NamedResult:
    """A request with the result that its configuration names as source_job, and the configuration without it."""

    request: JobRequest
    config: dict[str, Any]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def take_named(
    request: JobRequest, config: dict[str, Any], clusters: Mapping[str, ClusterSettings], lookup: Lookup
) -> NamedResult:
    """The request as it is meant; the catalogue's own names come first."""
    named = config.get(ARGUMENT)
    asked = request.resources.cluster
    among = [its for name, its in clusters.items() if asked in (None, name)]
    if not isinstance(named, str) or any(named in its.models for its in among):
        return NamedResult(request, config)
    result = lookup(named, [its.name for its in among])
    if result is None:
        return NamedResult(request, config)
    without = {name: value for name, value in config.items() if name != ARGUMENT}
    if _names_another(request, result):
        hint = "remove source_job and checkpoint, or the model's name"
        message = f"{ARGUMENT} names what {result.job_id} left, and source_job and checkpoint name something else"
        return NamedResult(request, without, findings=(Finding(("config", ARGUMENT), message, hint),))
    meant = request.model_copy(update={"source_job": result.job_id, "checkpoint": result.checkpoint})
    return NamedResult(meant, without, notes=(_note(named, result),))


def _names_another(request: JobRequest, result: ResultName) -> bool:
    return request.source_job not in (None, result.job_id) or request.checkpoint not in (None, result.checkpoint)


def _note(named: str, result: ResultName) -> str:
    of = f", checkpoint {result.checkpoint}" if result.checkpoint is not None else ""
    return f"{ARGUMENT}: {named} is what {result.job_id} left{of}"
