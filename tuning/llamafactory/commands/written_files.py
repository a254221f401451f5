"""Files that a text names: given with the request, or written by the text itself (a heredoc, `echo`). Pure."""

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuning.llamafactory.commands.other_commands import displayed
from tuning.llamafactory.commands.shell_text import Statement
from tuning.llamafactory.commands.slurm_options import Remark
from tuning.llamafactory.commands.variables import Variables, shown

MOST_FILES = 100
_HEREDOCS = frozenset({"<<", "<<-"})
_WRITING = frozenset({">", ">>", ">|", "&>"})
_IN_PLACE = frozenset({"sed", "yq", "perl", "jq"})
_CONFIG_ENDS = (".yaml", ".yml", ".json")

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class WrittenFile:
    """A file's text, and where its first line is found: the last part of the place is a line, counted on."""

    text: str
    place: Location


Lookup = Callable[[str], WrittenFile | None]


class WrittenFiles:
    """The files as they are at one point of the text."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """`given`: texts by the names that the text has for them, or by their last parts."""
        self._files = {posixpath.normpath(name): WrittenFile(text, ("files", name, 1)) for name, text in given.items()}

    def find(self, name: str) -> WrittenFile | None:
        """A file by its path as the text has it, or else by the last part of it, where only one file has that."""
        path = posixpath.normpath(shown(name))
        if path in self._files:
            return self._files[path]
        last = posixpath.basename(path)
        alike = [file for known, file in self._files.items() if posixpath.basename(known) == last]
        return alike[0] if len(alike) == 1 else None

    def write(
        self, statement: Statement, words: Sequence[str], variables: Variables, loc: Callable[[int], Location]
    ) -> bool:
        """Whether a statement gives a file's text: `cat > file <<EOF`, `echo "a: 1" >> file`."""
        program = words[0] if words else "cat"
        heredoc = next((redirect.target for redirect in statement.redirects if redirect.operator in _HEREDOCS), None)
        written = next((redirect for redirect in statement.redirects if redirect.operator in _WRITING), None)
        name, adds = (
            variables.text(written.target) if written else None,
            written is not None and written.operator == ">>",
        )
        if program == "tee" and heredoc is not None and len(words) > 1:
            name, adds = words[-1], "-a" in words
        if name is None:
            return False
        if program in ("cat", "tee") and heredoc is not None:
            self._keep(name, WrittenFile(variables.text(heredoc), loc(heredoc.line)), adds=adds)
            return True
        if program == "echo" and name.endswith(_CONFIG_ENDS):
            self._keep(name, WrittenFile(f"{_said(words)}\n", loc(statement.line)), adds=adds)
            return True
        return False

    def changes(self, statement: Statement, words: Sequence[str], variables: Variables) -> Iterator[Remark]:
        """Errors where a program that is not run would make or change a configuration that is known."""
        program = posixpath.basename(words[0])
        changed = [variables.text(redirect.target) for redirect in statement.redirects if redirect.operator in _WRITING]
        if program in _IN_PLACE and any(word.startswith(("-i", "--in")) for word in words):
            changed += words[1:]
        for name in changed:
            if name.endswith(_CONFIG_ENDS) and self.find(name) is not None:
                message = f"{shown(name)[:200]} is changed by `{displayed(program)}`, which is not run"
                hint = "give the file as it should be, and write key=value behind `llamafactory-cli train FILE`"
                yield Remark(statement.line, message, hint, is_error=True)

    def _keep(self, name: str, file: WrittenFile, *, adds: bool) -> None:
        before = self.find(name) if adds else None
        path = posixpath.normpath(shown(name))
        if path in self._files or len(self._files) < MOST_FILES:
            self._files[path] = WrittenFile(before.text + file.text, before.place) if before else file


def _said(words: Sequence[str]) -> str:
    text = " ".join(word for word in words[1:] if word not in ("-e", "-n"))
    return text.replace("\\n", "\n") if "-e" in words else text
