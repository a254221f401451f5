"""A request after its check: what would be stored, and what is wrong or doubtful with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.errors import Finding
from tuning.jobs.attempt.plan import TrainingData
from tuning.jobs.request.resources import ClusterView
from tuning.jobs.request.resume import ResumePoint
from tuning.jobs.request.spec import JobRequest
from tuning.llamafactory.config.check import CheckedConfig
from tuning.llamafactory.kinds import Kind, SourceModel
from tuning.settings import ClusterSettings


@dataclass(frozen=True)
class CheckedRequest:
    """A request after its check: the values that would be stored, and the findings."""

    request: JobRequest
    kind: Kind
    source: SourceModel | None
    resume: ResumePoint | None
    """The checkpoint that it goes on from."""
    dependencies: tuple[str, ...]
    """The jobs that have to succeed first: those that were named, and a source that has not ended."""
    cluster: ClusterSettings | None
    view: ClusterView
    config_check: CheckedConfig | None
    """None where there is no configuration, or no cluster to check it for."""
    resources: Mapping[str, Any]
    team_id: str
    """Team whose share it uses."""
    uploads: tuple[TrainingData, ...]
    findings: tuple[Finding, ...]
    unready: tuple[TrainingData, ...] = ()
    """Data that is still looked at, or was refused, where such a job is made all the same."""
    own_notes: tuple[str, ...] = ()
    """On names in the configuration that mean uploads."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration as it is kept: coerced, models and paths resolved."""
        return self.config_check.config if self.config_check else {}

    @property
    def refused(self) -> TrainingData | None:
        """Data by which the job fails at once: the first that its check has refused."""
        return next((data for data in self.unready if data.status == "refused"), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the parts of the configuration that were read in another way than they were written."""
        return self.own_notes + (self.config_check.notes if self.config_check else ())

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that forbid the job."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that the job's owner should read."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def name(self) -> str:
        """The name given, or one that says what is trained on what."""
        return self.request.name or _default_name(self)


def in_a_sentence(finding: Finding) -> str:
    """A finding with what to do about it, for who reads no fields."""
    return f"{finding.message} ({finding.hint})" if finding.hint else finding.message


def _default_name(checked: CheckedRequest) -> str:
    config = checked.config
    if config.get("run_name"):
        return str(config["run_name"])[:200]
    if checked.kind != "train":
        return f"{checked.kind} of {checked.request.source_job or _model_name(config)}"[:200]
    data = config.get("dataset") or ", ".join(upload.name for upload in checked.uploads[:2])
    base = checked.request.source_job if checked.source else _model_name(config)
    return f"{config.get('finetuning_type', 'lora')} {base} on {data}"[:200]


def _model_name(config: Mapping[str, Any]) -> str:
    return str(config.get("model_name_or_path", "model")).rstrip("/").rpartition("/")[2]
