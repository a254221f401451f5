"""A command line or a batch script as a training: its kind, configuration and resources. Read, never run. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.commands.launchers import Launch
from tuning.llamafactory.commands.session import Place, Session
from tuning.llamafactory.commands.shell_text import UNREAD
from tuning.llamafactory.commands.slurm_options import Remark
from tuning.llamafactory.commands.text_reader import KINDS_BY_WORD, TextReader
from tuning.llamafactory.commands.variables import Variables
from tuning.llamafactory.commands.written_files import WrittenFiles
from tuning.llamafactory.kinds import Kind, meant_kind

MOST_FINDINGS = 100


@dataclass(frozen=True)
class ReadResource:
    """A resource, and where it is asked for."""

    value: str | int
    loc: tuple[str | int, ...]


@dataclass(frozen=True)
class ReadTraining:
    """A training as a text describes it."""

    kind: Kind | None
    config: Mapping[str, Any] | None
    """None where the text holds no training that can be read; then there is an error among the findings."""
    resources: Mapping[str, ReadResource]
    """By the names of a request's resources; not yet held to them."""
    name: str | None
    findings: tuple[Finding, ...]
    missing: tuple[str, ...] = ()
    """Names of files that it needs and that were not given."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables that are set for it and that a run may have."""


def read_training(text: str, field_name: str, files: Mapping[str, str]) -> ReadTraining:
    """The training in a text that came in the field `field_name`; `files` are texts by the names that it has for them.

    Raises nothing: all that is wrong or not taken over is among the findings, each with its line.
    """
    if any(UNREAD in given for given in (text, *files.values())):
        finding = Finding((field_name,), "the character U+E000 belongs in no shell text or configuration", "remove it")
        return ReadTraining(None, None, {}, None, (finding,))
    session = Session(WrittenFiles(files))
    TextReader(Place((field_name,)), Variables(), session, depth=0).read(text)
    return _outcome(session, field_name)


def _outcome(session: Session, field_name: str) -> ReadTraining:
    first, slurm = session.trainings[0] if session.trainings else None, session.slurm
    for training in session.trainings[1:]:
        message = "this is a further training: a job is one"
        hint = "submit each by itself; source_job (--from JOB) uses what an earlier one leaves"
        session.say(training.place, Remark(training.line, message, hint, is_error=True))
    if first is None:
        session.findings += _no_training(session, field_name)
    else:
        session.findings += session.doubts
        session.findings += first.given.findings
        for remark in first.given.remarks:
            session.say(first.place, remark)
    config = first.given.config if first is not None else None
    is_read_whole = not any(finding.severity == "error" for finding in session.findings)
    return ReadTraining(
        kind=_kind(first.launch, first.given.config) if first is not None else None,
        config=config if is_read_whole else None,
        resources={name: ReadResource(asked.value, session.places[name]) for name, asked in slurm.resources.items()},
        name=session.slurm.job_name,
        findings=tuple(_bounded(session.findings)),
        missing=tuple(dict.fromkeys(session.missing)),
        environment=first.environment if first is not None else {},
    )


def _bounded(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first where there are very many."""
    ordered = sorted(findings, key=lambda finding: finding.severity)
    return list(findings) if len(findings) <= MOST_FINDINGS else ordered[:MOST_FINDINGS]


def _no_training(session: Session, field_name: str) -> Iterator[Finding]:
    if session.doubts:
        yield from (Finding(doubt.loc, doubt.message, doubt.hint) for doubt in session.doubts)
    elif not any(finding.severity == "error" for finding in session.findings):
        hint = "there must be a line such as `llamafactory-cli train config.yaml` or `torchrun ... src/train.py ...`"
        yield Finding((field_name,), "there is no training of LLaMA-Factory in this text", hint)


def _kind(launch: Launch, config: Mapping[str, Any]) -> Kind:
    kind = KINDS_BY_WORD.get(launch.word, "train")
    return "predict" if kind == "train" and meant_kind(config) == "predict" else kind
