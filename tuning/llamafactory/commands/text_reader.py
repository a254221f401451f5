"""One shell text of a command line or a batch script, read statement by statement; texts inside it too. Pure."""

import posixpath
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tuning.errors import InvalidInput
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
from tuning.llamafactory.commands.program_arguments import read_arguments
from tuning.llamafactory.commands.session import FoundTraining, Place, Session
from tuning.llamafactory.commands.shell_text import Statement, Word, scan
from tuning.llamafactory.commands.slurm_options import (
    Asked,
    Remark,
    SlurmRequest,
    as_request,
    read_directives,
    read_options,
)
from tuning.llamafactory.commands.variables import Variables, assigned_name, is_read, shown
from tuning.llamafactory.environment import VARIABLES, is_taken
from tuning.llamafactory.kinds import Kind

MOST_INSIDE = 6
"""Texts inside each other: a script that calls a script that calls bash -c."""
MOST_TEXTS = 10
"""Texts in all: a script may call itself."""
KINDS_BY_WORD: Mapping[str, Kind] = {"train": "train", "export": "export"}
_MPI = frozenset({"mpirun", "mpiexec"})
_DECLARATIONS = frozenset({"export", "declare", "typeset", "local", "readonly"})
_OF_SLURM: Mapping[str, Sequence[str]] = {
    "nodes": ("SLURM_NNODES", "SLURM_JOB_NUM_NODES"),
    "gpus_per_node": ("SLURM_GPUS_ON_NODE", "SLURM_GPUS_PER_NODE"),
}
"""Variables that Slurm sets, by what they say of the job."""


class TextReader:
    """One shell text, read from its first line to its last."""

    def __init__(self, place: Place, variables: Variables, session: Session, depth: int) -> None:
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
        """Take in a part that may or may not run: of what is known only its variables are lost."""
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
            self._tell_of_mpi(statement, words[: len(words) - len(found.arguments)])
            self._take_launch(statement, found, {**self.session.exported, **environment, **found.environment})
        else:
            asked = as_request(read_options(found.slurm_words, statement.line))
            is_sbatch = posixpath.basename(words[0]) == "sbatch"
            self._ask_slurm(asked if is_sbatch else SlurmRequest(asked.resources, asked.job_name))
            self._take_inner(statement, found, environment)

    def _tell_of_mpi(self, statement: Statement, words: Sequence[str]) -> None:
        if mpi := _MPI.intersection(map(posixpath.basename, words)):
            message = f"the number of processes that {min(mpi)} starts, and where, is not taken over"
            self._say(Remark(statement.line, message, "say with the request how many GPUs and nodes it has"))

    def _take_launch(self, statement: Statement, launch: Launch, environment: Mapping[str, str]) -> None:
        if launch.word in ("version", "help", "env", "-h", "--help"):
            self._say(Remark(statement.line, f"`llamafactory-cli {launch.word}` is not run", "leave it out"))
            return
        if launch.word not in KINDS_BY_WORD:
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
            if given.file is not None and (missing := self._missing(given.file)) is not None:
                self.session.missing.append(shown(missing))
        taken = self._taken(environment, line)
        self.session.trainings.append(FoundTraining(launch, given, self.place, line, taken))

    def _missing(self, name: str) -> str | None:
        """The file that has to be given for a configuration to be read."""
        file = self.session.files.find(name)
        return name if file is None else file.made_of

    def _taken(self, environment: Mapping[str, str], line: int) -> dict[str, str]:
        """The variables that a run may have; of one with an odd value it is told."""
        taken = {}
        for name, value in environment.items():
            if name in VARIABLES and is_read(value) and is_taken(name, value):
                taken[name] = value
            elif name in VARIABLES:
                message = f"the variable {name} is not taken over: its value is not one that it may have"
                self._say(Remark(line, message, f"give environment: {name}"))
        return taken

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
            self._inner(Place(self.place.parts, above), found.arguments, found.text)
        elif isinstance(found, InnerInput):
            for redirect in statement.redirects:
                if redirect.operator in ("<<", "<<-"):
                    above = self.place.lines_before + redirect.target.line - 1
                    self._inner(Place(self.place.parts, above), (), self.variables.text(redirect.target))
        elif isinstance(found, InnerScript):
            self._inner_script(statement, found)

    def _inner_script(self, statement: Statement, found: InnerScript) -> None:
        file = self.session.files.find(found.name)
        if file is None or not is_read(found.name):
            self.session.missing.append(shown(found.name))
            message = f"the script {shown(found.name)[:200]} is not given"
            self._doubt(statement.line, message, "give its text in `files` under this name")
            return
        *parts, first = file.place
        self._inner(Place(tuple(parts), int(first) - 1), found.arguments, file.text)

    def _inner(self, place: Place, arguments: Sequence[str], text: str) -> None:
        variables = Variables(self.variables.inherited(), arguments)
        TextReader(place, variables, self.session, self.depth + 1).read(text)

    def _doubt(self, line: int, message: str, hint: str) -> None:
        self.session.doubts.append(self.place.finding(Remark(line, message, hint)))

    def _take_other(self, statement: Statement, words: list[str]) -> None:
        files = self.session.files
        if files.take(statement, words, self.variables, self.session.exported, self.place.loc) or not words:
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
