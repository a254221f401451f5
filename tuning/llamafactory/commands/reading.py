"""A command line or a batch script as a training: its kind, configuration and resources. Read, never run. Pure."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.commands.blocks import Blocks
from tuning.llamafactory.commands.conditions import is_test, truth
from tuning.llamafactory.commands.counts import take_counts
from tuning.llamafactory.commands.launchers import (
    Found,
    InnerInput,
    InnerScript,
    InnerText,
    Launch,
    Unreadable,
    find_launch,
    starts_programs,
)
from tuning.llamafactory.commands.other_commands import about_variable, displayed, why_not_run
from tuning.llamafactory.commands.program_arguments import (
    GivenArguments,
    read_arguments,
)
from tuning.llamafactory.commands.shell_text import UNREAD, Statement, Word, scan
from tuning.llamafactory.commands.slurm_options import (
    Asked,
    Remark,
    SlurmRequest,
    as_request,
    read_directives,
    read_options,
)
from tuning.llamafactory.commands.variables import Variables, assigned_name, is_read, shown
from tuning.llamafactory.commands.written_files import WrittenFiles
from tuning.llamafactory.kinds import Kind, meant_kind

MOST_INSIDE = 6
"""Texts inside each other: a script that calls a script that calls bash -c."""
MOST_TEXTS = 10
"""Texts in all, and so many statements in them: a script may call itself."""
MOST_STATEMENTS = 3_000
MOST_FINDINGS = 100
_DECLARATIONS = frozenset({"export", "declare", "typeset", "local", "readonly"})
_KINDS: Mapping[str, Kind] = {"train": "train", "export": "export"}
_OF_SLURM: Mapping[str, Sequence[str]] = {
    "nodes": ("SLURM_NNODES", "SLURM_JOB_NUM_NODES"),
    "gpus_per_node": ("SLURM_GPUS_ON_NODE", "SLURM_GPUS_PER_NODE"),
}
"""Variables that Slurm sets, by what they say of the job."""


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


@dataclass(frozen=True)
class _Place:
    """Where a text stands: the first parts of a location, and the line before its first."""

    parts: tuple[str | int, ...]
    lines_before: int = 0

    def loc(self, line: int) -> tuple[str | int, ...]:
        return (*self.parts, self.lines_before + line)

    def finding(self, remark: Remark) -> Finding:
        """A remark as a finding: its line is told in the message as well, since a job's events show that alone."""
        file = f"{self.parts[-1]}, " if len(self.parts) > 1 else ""
        message = f"{file}line {self.lines_before + remark.line}: {remark.message}"
        return Finding(self.loc(remark.line), message, remark.hint, "error" if remark.is_error else "warning")


@dataclass
class _Training:
    launch: Launch
    given: GivenArguments
    place: _Place
    line: int


@dataclass
class _Session:
    """State of the reading at one point, over all texts inside each other."""

    files: WrittenFiles
    slurm: SlurmRequest = field(default_factory=SlurmRequest)
    places: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    """Of the resources that Slurm is asked for."""
    exported: dict[str, str] = field(default_factory=dict)
    texts: int = 0
    statements: int = 0
    trainings: list[_Training] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)
    """Warnings where there is a training, and else the reason why there is none."""

    def count(self, statement: Statement) -> None:
        """Raises InvalidInput where there are too many."""
        self.statements += 1
        if self.statements > MOST_STATEMENTS:
            message = f"there are more than {MOST_STATEMENTS} commands in the texts together"
            raise InvalidInput([Finding((statement.line,), message, "give the training alone")])

    def say(self, place: _Place, remark: Remark) -> None:
        self.findings.append(place.finding(remark))


def read_training(text: str, field_name: str, files: Mapping[str, str]) -> ReadTraining:
    """The training in a text that came in the field `field_name`; `files` are texts by the names that it has for them.

    Raises nothing: all that is wrong or not taken over is among the findings, each with its line.
    """
    if any(UNREAD in given for given in (text, *files.values())):
        finding = Finding((field_name,), "the character U+E000 belongs in no shell text or configuration", "remove it")
        return ReadTraining(None, None, {}, None, (finding,))
    session = _Session(WrittenFiles(files))
    _Text(_Place((field_name,)), Variables(), session, depth=0).read(text)
    return _outcome(session, field_name)


def _outcome(session: _Session, field_name: str) -> ReadTraining:
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
    )


def _bounded(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first where there are very many."""
    ordered = sorted(findings, key=lambda finding: finding.severity)
    return list(findings) if len(findings) <= MOST_FINDINGS else ordered[:MOST_FINDINGS]


def _no_training(session: _Session, field_name: str) -> Iterator[Finding]:
    if session.doubts:
        yield from (Finding(doubt.loc, doubt.message, doubt.hint) for doubt in session.doubts)
    elif not any(finding.severity == "error" for finding in session.findings):
        hint = "there must be a line such as `llamafactory-cli train config.yaml` or `torchrun ... src/train.py ...`"
        yield Finding((field_name,), "there is no training of LLaMA-Factory in this text", hint)


def _kind(launch: Launch, config: Mapping[str, Any]) -> Kind:
    kind = _KINDS.get(launch.word, "train")
    return "predict" if kind == "train" and meant_kind(config) == "predict" else kind


class _Text:
    """One shell text, read from its first line to its last."""

    def __init__(self, place: _Place, variables: Variables, session: _Session, depth: int) -> None:
        self.place, self.variables, self.session, self.depth = place, variables, session, depth
        self.blocks = Blocks()

    def read(self, text: str) -> None:
        """Take in what the text says."""
        try:
            self._take_directives(text)
            for statement in scan(text):
                self.session.count(statement)
                self._take(statement)
        except InvalidInput as error:
            for finding in error.findings:
                self._say(Remark(int(finding.loc[0]), finding.message, finding.hint, is_error=True))

    def _take_directives(self, text: str) -> None:
        self._ask_slurm(as_request(read_directives(text)))

    def _ask_slurm(self, request: SlurmRequest) -> None:
        """srun asks inside what sbatch has got, and sbatch's own options hold over its script's: the first stays."""
        slurm = self.session.slurm
        for name, asked in request.resources.items():
            if name not in slurm.resources:
                slurm.resources[name] = Asked(self.place.lines_before + asked.line, asked.value)
                self.session.places[name] = self.place.loc(asked.line)
        slurm.job_name = slurm.job_name or request.job_name
        for remark in request.remarks:
            self._say(remark)
        for name, variables in _OF_SLURM.items():
            if (known := slurm.resources.get(name)) is not None:
                for variable in variables:
                    self.variables.set(variable, str(known.value))

    def _say(self, remark: Remark) -> None:
        self.session.say(self.place, remark)

    def _take(self, statement: Statement) -> None:
        for word, following in pairwise(statement.words):
            if word.plain in ("for", "select"):
                self.variables.forget(following.plain)
        begun = self.blocks.enter(statement)
        if begun is not None:
            message = f"the lines of this `{begun}` are not read: whether they would run is not known here"
            self._say(Remark(statement.line, message, "write out what the training needs"))
        words, runs = self.blocks.command()
        value = truth(self.variables.words(words)) if is_test(words) else None
        if words and runs:
            self._take_command(statement, words)
        elif words and runs is None:
            self._take_doubtful(statement, words)
        self.blocks.leave(statement, value=value)

    def _take_doubtful(self, statement: Statement, words: Sequence[Word]) -> None:
        """What may or may not run changes nothing that is known, but for variables: those are not known any more."""
        for word in words:
            if (name := assigned_name(word)) is not None:
                self.variables.forget(name)
        if isinstance(find_launch(self.variables.words(_behind_assignments(words))), Launch):
            message = "whether this training runs cannot be read: it stands in a condition, a loop or a function"
            hint = "give the line of the training alone, with its values written out"
            self._say(Remark(statement.line, message, hint, is_error=True))

    def _take_command(self, statement: Statement, words: Sequence[Word]) -> None:
        command = _behind_assignments(words)
        assignments = words[: len(words) - len(command)]
        if not command:
            for word in assignments:
                self.variables.assign(word)
            return
        values = {assigned_name(word) or "": self.variables.assigned_value(word) for word in assignments}
        first = command[0].plain
        if first in _DECLARATIONS:
            self._declare(statement, command[1:], is_exported=first == "export" or "-x" in [w.plain for w in command])
        elif first == "shift":
            self.variables.shift(command[1].plain if len(command) > 1 else "1")
        elif first in ("unset", "read", "mapfile", "readarray"):
            for word in command[1:]:
                self.variables.forget(word.plain)
        else:
            self._take_program(statement, self.variables.words(command), values)

    def _declare(self, statement: Statement, words: Sequence[Word], *, is_exported: bool) -> None:
        for word in words:
            name = assigned_name(word)
            if name is not None:
                self.variables.assign(word)
            name = name or word.plain
            value = self.variables.get(name)
            if is_exported and value is not None:
                self.session.exported[name] = value
                if (said := about_variable(name)) is not None:
                    self._say(Remark(statement.line, *said))

    def _take_program(self, statement: Statement, words: list[str], environment: Mapping[str, str]) -> None:
        found = find_launch(words)
        if found is None:
            self._take_other(statement, words)
        elif isinstance(found, Unreadable):
            self._doubt(statement.line, found.reason, found.hint)
        elif isinstance(found, Launch):
            self._take_launch(statement, found, {**self.session.exported, **environment, **found.environment})
        else:
            asked = as_request(read_options(found.slurm_words, statement.line))
            is_sbatch = posixpath.basename(words[0]) == "sbatch"
            self._ask_slurm(asked if is_sbatch else SlurmRequest(asked.resources, asked.job_name))
            self._take_inner(statement, found, environment)

    def _take_launch(self, statement: Statement, launch: Launch, environment: Mapping[str, str]) -> None:
        if launch.word in ("version", "help", "env", "-h", "--help"):
            self._say(Remark(statement.line, f"`llamafactory-cli {launch.word}` is not run", "leave it out"))
            return
        if launch.word not in _KINDS:
            hint = "packtrain runs `train` (and prediction by it) and `export`"
            self._doubt(statement.line, f"`llamafactory-cli {shown(launch.word)[:40]}` is no job of packtrain's", hint)
            return
        srun = as_request(read_options(launch.slurm_words, statement.line))
        self._ask_slurm(SlurmRequest(srun.resources, srun.job_name))
        line = statement.line
        is_first = not self.session.trainings  # of more than one nothing is taken but the places
        given = read_arguments(launch.arguments if is_first else (), line, self.session.files.find)
        if is_first:
            self._take_counts(launch, environment, line)
        self.session.trainings.append(_Training(launch, given, self.place, line))

    def _take_counts(self, launch: Launch, environment: Mapping[str, str], line: int) -> None:
        slurm = self.session.slurm
        before, said = dict(slurm.resources), len(slurm.remarks)
        take_counts(launch, environment, slurm, line, self.session.files.find)
        for name, asked in slurm.resources.items():
            if before.get(name) is not asked:
                self.session.places[name] = self.place.loc(line)
        for remark in slurm.remarks[said:]:
            self._say(remark)

    def _take_inner(self, statement: Statement, found: Found, environment: Mapping[str, str]) -> None:
        self.session.texts += 1
        if self.depth + 1 >= MOST_INSIDE or self.session.texts > MOST_TEXTS:
            self._doubt(statement.line, "texts inside each other are read no further", "give the training's line alone")
            return
        self.session.exported |= {**environment, **getattr(found, "environment", {})}
        if isinstance(found, InnerText):
            lines = (word.line for word in statement.words if self.variables.text(word) == found.text)
            above = self.place.lines_before + next(lines, statement.line) - 1
            self._inner(_Place(self.place.parts, above), found.arguments, found.text)
        elif isinstance(found, InnerInput):
            for redirect in statement.redirects:
                if redirect.operator in ("<<", "<<-"):
                    above = self.place.lines_before + redirect.target.line - 1
                    self._inner(_Place(self.place.parts, above), (), self.variables.text(redirect.target))
        elif isinstance(found, InnerScript):
            self._inner_script(statement, found)

    def _inner_script(self, statement: Statement, found: InnerScript) -> None:
        file = self.session.files.find(found.name)
        if file is None or not is_read(found.name):
            message = f"the script {shown(found.name)[:200]} is not given"
            self._doubt(statement.line, message, "give its text in `files` under this name")
            return
        *parts, first = file.place
        self._inner(_Place(tuple(parts), int(first) - 1), found.arguments, file.text)

    def _inner(self, place: _Place, arguments: Sequence[str], text: str) -> None:
        variables = Variables(self.variables.inherited(), arguments)
        _Text(place, variables, self.session, self.depth + 1).read(text)

    def _doubt(self, line: int, message: str, hint: str) -> None:
        self.session.doubts.append(self.place.finding(Remark(line, message, hint)))

    def _take_other(self, statement: Statement, words: list[str]) -> None:
        files = self.session.files
        if files.take(statement, words, self.variables, self.place.loc) or not words:
            return
        if words[0].startswith("--"):
            message = f"a line begins with the option {shown(words[0])[:40]}"
            hint = "put a backslash at the very end of the line before, with nothing behind it"
            self._say(Remark(statement.line, message, hint, is_error=True))
            return
        program = posixpath.basename(shown(words[0]))
        if starts_programs(words[0]) and any(word.endswith(".py") for word in words):
            hint = "packtrain runs LLaMA-Factory alone: `llamafactory-cli train`, or its src/train.py"
            self._doubt(statement.line, f"`{displayed(program)}` starts no program of LLaMA-Factory's here", hint)
            return
        self._say(Remark(statement.line, f"`{displayed(program)}` is not run", why_not_run(program)))


def _behind_assignments(words: Sequence[Word]) -> Sequence[Word]:
    place = next((place for place, word in enumerate(words) if assigned_name(word) is None), len(words))
    return words[place:]
