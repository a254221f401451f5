"""Files that a text names: given with the request, or written by the text itself (a heredoc, `echo`). Pure."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tuning.llamafactory.commands.other_commands import displayed
from tuning.llamafactory.commands.shell_text import Statement
from tuning.llamafactory.commands.variables import Variables, shown, unread

MOST_FILES = 100
_HEREDOCS = frozenset({"<<", "<<-"})
_WRITING = frozenset({">", ">>", ">|", "&>"})
_MOVING = frozenset({"cp", "mv"})
_COPYING = _MOVING | {"cat"}
_FILLING = "envsubst"
_PLACE_OF_VALUE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_IN_PLACE = frozenset({"sed", "yq", "perl", "jq"})
_CONFIG_ENDS = (".yaml", ".yml", ".json")

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class WrittenFile:
    """A file's text, and where its first line is found: the last part of the place is a line, counted on."""

    text: str
    place: Location
    made_by: str | None = None
    """The program that makes or changes it: its text is not known."""
    made_of: str | None = None
    """The file that the program makes it of, where that is not given and would be enough."""


Lookup = Callable[[str], WrittenFile | None]
Place = Callable[[int], Location]


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

    def take(
        self,
        statement: Statement,
        words: Sequence[str],
        variables: Variables,
        exported: Mapping[str, str],
        place: Place,
    ) -> bool:
        """Follow what a statement does to files; whether that is all that it does, as `cat > file <<EOF`.

        What another program writes into a configuration is not known: the file is marked, and refused where it is used.
        """
        program = posixpath.basename(words[0]) if words else "cat"
        source = _source(statement, program, words, variables)
        text = self._text(statement, words, variables, place) if source is None else self.find(source)
        if text is not None and program == _FILLING:
            text = replace(text, text=_filled(text.text, words, exported))
        targets = list(_targets(statement, program, words, variables))
        for name, adds in targets:
            if text is not None:
                self._keep(name, text, displayed(program), adds=adds)
            elif name.endswith(_CONFIG_ENDS):
                unknown = WrittenFile("", place(statement.line), displayed(program), source)
                self._keep(name, unknown, displayed(program), adds=False)
        return text is not None and bool(targets)

    def _text(
        self, statement: Statement, words: Sequence[str], variables: Variables, place: Place
    ) -> WrittenFile | None:
        """The text that a statement writes by itself, where that can be read."""
        program = posixpath.basename(words[0]) if words else "cat"
        heredoc = next((redirect.target for redirect in statement.redirects if redirect.operator in _HEREDOCS), None)
        if heredoc is not None and program in ("cat", "tee"):
            return WrittenFile(variables.text(heredoc), place(heredoc.line))
        return WrittenFile(f"{_said(words)}\n", place(statement.line)) if program == "echo" else None

    def _keep(self, name: str, file: WrittenFile, program: str, *, adds: bool) -> None:
        path = posixpath.normpath(shown(name))
        if path not in self._files and len(self._files) >= MOST_FILES:
            return
        before = self.find(name) if adds else WrittenFile("", file.place)
        if before is None:
            before = WrittenFile("", file.place, program)  # what is added to has not been given
        place = before.place if before.text else file.place
        made_by, made_of = before.made_by or file.made_by, before.made_of or file.made_of
        self._files[path] = WrittenFile(before.text + file.text, place, made_by, made_of)


def _source(statement: Statement, program: str, words: Sequence[str], variables: Variables) -> str | None:
    """The file whose text a statement writes on, changed or not."""
    has_text = any(redirect.operator in _HEREDOCS for redirect in statement.redirects)
    operands = _operands(words)
    if program in _COPYING and operands and not has_text:
        return operands[0]
    read = next((redirect.target for redirect in statement.redirects if redirect.operator == "<"), None)
    return variables.text(read) if program == _FILLING and read is not None else None


def _filled(text: str, words: Sequence[str], exported: Mapping[str, str]) -> str:
    """Text as envsubst fills it: with all variables, or with those that its argument names."""
    asked = [name for found in _PLACE_OF_VALUE.findall(" ".join(_operands(words))) for name in found if name]

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return found[0] if asked and name not in asked else exported.get(name, unread(f"${name}"))

    return _PLACE_OF_VALUE.sub(value, text)


def _targets(
    statement: Statement, program: str, words: Sequence[str], variables: Variables
) -> Iterator[tuple[str, bool]]:
    """The files that a statement writes, and whether it adds to them."""
    for redirect in statement.redirects:
        if redirect.operator in _WRITING:
            yield variables.text(redirect.target), redirect.operator == ">>"
    operands = _operands(words)
    if program == "tee" and operands:
        yield operands[0], "-a" in words
    elif program in _MOVING and len(operands) == 2:
        yield operands[1], False
    elif program in _IN_PLACE and any(word.startswith(("-i", "--in")) for word in words):
        yield from ((word, False) for word in operands if word.endswith(_CONFIG_ENDS))


def _operands(words: Sequence[str]) -> list[str]:
    return [word for word in words[1:] if not word.startswith("-")]


def _said(words: Sequence[str]) -> str:
    text = " ".join(word for word in words[1:] if word not in ("-e", "-n"))
    return text.replace("\\n", "\n") if "-e" in words else text
