"""State of the reading of a command line or a batch script: files, resources, trainings and remarks so far. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.commands.launchers import Launch
from tuning.llamafactory.commands.program_arguments import GivenArguments
from tuning.llamafactory.commands.shell_text import Statement
from tuning.llamafactory.commands.slurm_options import Remark, SlurmRequest
from tuning.llamafactory.commands.written_files import WrittenFiles

MOST_STATEMENTS = 3_000
"""In all texts together: a script may call itself."""


@dataclass(frozen=True)
class Place:
    """Place of a text: the first parts of a location, and the line before its first."""

    parts: tuple[str | int, ...]
    lines_before: int = 0

    def loc(self, line: int) -> tuple[str | int, ...]:
        """Location of a line of the text."""
        return (*self.parts, self.lines_before + line)

    def finding(self, remark: Remark) -> Finding:
        """A remark as a finding: its line is told in the message as well, since a job's events show that alone."""
        file = f"{self.parts[-1]}, " if len(self.parts) > 1 else ""
        message = f"{file}line {self.lines_before + remark.line}: {remark.message}"
        return Finding(self.loc(remark.line), message, remark.hint, "error" if remark.is_error else "warning")


@dataclass
class FoundTraining:
    """A training, and where its line stands."""

    launch: Launch
    given: GivenArguments
    place: Place
    line: int
    environment: Mapping[str, str]
    """The variables that are set for it and that a run may have."""


@dataclass
class Session:
    """State of the reading at one point, over all texts inside each other."""

    files: WrittenFiles
    slurm: SlurmRequest = field(default_factory=SlurmRequest)
    places: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    """Of the resources that Slurm is asked for."""
    exported: dict[str, str] = field(default_factory=dict)
    texts: int = 0
    statements: int = 0
    trainings: list[FoundTraining] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Files that a training needs and nobody gave."""
    findings: list[Finding] = field(default_factory=list)
    doubts: list[Finding] = field(default_factory=list)
    """Warnings where there is a training, and else the reason why there is none."""

    def count(self, statement: Statement) -> None:
        """Raises InvalidInput where there are too many."""
        self.statements += 1
        if self.statements > MOST_STATEMENTS:
            message = f"there are more than {MOST_STATEMENTS} commands in the texts together"
            raise InvalidInput([Finding((statement.line,), message, "give the training alone")])

    def say(self, place: Place, remark: Remark) -> None:
        """Keep a remark."""
        self.findings.append(place.finding(remark))
