"""Variables of a shell text, and words with their values in place. Pure.

Only what the same text sets is known. Everything else (the environment of a login, what a command would print) is
enclosed in UNREAD where it stands, so that whoever needs the word can say so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.commands.arithmetic import evaluate
from tuning.llamafactory.commands.shell_text import UNREAD, Piece, Word, variable_pieces

MAX_EXPANDED_CHARACTERS = 256 * 1024
"""Of all words together: a line that doubles itself forty times is no command."""
DOUBTFUL = "?"
"""Ends the name of a variable that is set where it is not known whether that runs."""
_MOST_DEFAULTS = 4
"""Inside each other."""
_REFERENCE = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*|[0-9@*])(?P<array>\[[@*]\])?(?::?(?P<how>[-=+])(?P<word>.*))?", re.S
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<adds>\+?)=")


def is_read(text: str) -> bool:
    """Whether nothing in it is left open."""
    return UNREAD not in text


def shown(text: str) -> str:
    """A text for people, with what could not be read by its name."""
    return text.replace(f"{DOUBTFUL}{UNREAD}", "").replace(UNREAD, "")


def left_open(text: str) -> str:
    """The first part that could not be read, as it stood."""
    return text.split(UNREAD, 2)[1] if UNREAD in text else ""


def why_open(name: str) -> str:
    """Why a part could not be read."""
    if name.endswith(DOUBTFUL):
        return f"{name.removesuffix(DOUBTFUL)} is set in a condition, a loop or a function"
    if name.startswith(("$(", "`", "${", "<", ">")):
        return f"{name} is known to a shell on a node only"
    return f"{name} is not set in this text"


def open_hint(name: str) -> str:
    """What to do about it."""
    if re.fullmatch(r"\$[1-9]", name):
        return f"write {name} out, or give it behind the script: packtrain submit -- bash SCRIPT ARGUMENT ..."
    is_variable = name[1:].isidentifier()
    return f"set {name} in the text, or write the value out" if is_variable else "write the value out"


def assigned_name(word: Word) -> str | None:
    """The name in `NAME=value`, where a word is that."""
    first = word.pieces[0] if word.pieces else None
    if first is None or first.kind != "text" or first.is_quoted:
        return None
    found = _ASSIGNMENT.match(first.text)
    return found["name"] if found else None


class Variables:
    """Values by name, as they are at one point of the text."""

    def __init__(self, known: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> None:
        """`arguments` are those of the script: `$1` and `$@`."""
        self._values: dict[str, tuple[str, ...]] = {name: (value,) for name, value in (known or {}).items()}
        self._doubtful: set[str] = set()
        self._set_arguments(tuple(arguments))
        self._spent_characters = 0

    def _set_arguments(self, arguments: tuple[str, ...]) -> None:
        self._values = {name: value for name, value in self._values.items() if not name.isdigit()}
        self._values |= {str(number): (word,) for number, word in enumerate(arguments[:9], 1)}
        self._values["@"] = self._values["*"] = arguments

    def get(self, name: str) -> str | None:
        """A value; of an array its first."""
        return next(iter(self._values.get(name, ())), None)

    def set(self, name: str, value: str) -> None:
        """A value that is known from elsewhere."""
        self._values[name] = (value,)

    def inherited(self) -> dict[str, str]:
        """The values that a text inside this one starts with."""
        return {name: value[0] for name, value in self._values.items() if len(value) == 1 and not name.isdigit()}

    def forget(self, name: str) -> None:
        """From here on the value is not known: what sets it may not run."""
        self._values.pop(name, None)
        self._doubtful.add(name)

    def shift(self, count: str) -> None:
        """Do what `shift` says to the arguments of the script."""
        number = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 1
        self._set_arguments(self._values["@"][number:])

    def assign(self, word: Word) -> None:
        """Do what `NAME=value`, `NAME+=value` or `NAME=( ... )` says."""
        found = _ASSIGNMENT.match(word.pieces[0].text)
        if found is None:
            return
        if found["adds"] and found["name"] in self._doubtful:
            return  # what is added to is not known
        before = self._values.get(found["name"], ()) if found["adds"] else ()
        self._doubtful.discard(found["name"])
        if word.items is not None:
            self._values[found["name"]] = (*before, *self.words(word.items))
        else:
            self._values[found["name"]] = ("".join(before) + self.assigned_value(word),)

    def assigned_value(self, word: Word) -> str:
        """The value in `NAME=value`."""
        return self.text(word).partition("=")[2]

    def text(self, word: Word) -> str:
        """A word as one text, without splitting: values of assignments, files, heredocs."""
        return "".join(" ".join(self._value(piece)) for piece in word.pieces)

    def words(self, words: Sequence[Word]) -> list[str]:
        """Words as a command gets them: what is not quoted is split at blanks, and may vanish."""
        return [field for word in words for field in self._fields(word)]

    def _fields(self, word: Word) -> Iterator[str]:
        field: str | None = None
        for piece in word.pieces:
            value = self._value(piece)
            if piece.kind != "variable" or (piece.is_quoted and not _is_list(piece.text)):
                field = (field or "") + " ".join(value)
                continue
            parts = list(value) if piece.is_quoted else _split(value)
            begins = not piece.is_quoted and bool(value) and value[0][:1].isspace()
            if begins and field is not None:
                yield field
                field = None
            for number, part in enumerate(parts):
                if number and field is not None:
                    yield field
                    field = None
                field = (field or "") + part
            if parts and not piece.is_quoted and value[-1][-1:].isspace() and field is not None:
                yield field
                field = None
        if field is not None:
            yield field

    def _value(self, piece: Piece, depth: int = 0) -> tuple[str, ...]:
        value = self._looked_up(piece, depth)
        self._spent_characters += sum(map(len, value))
        if self._spent_characters > MAX_EXPANDED_CHARACTERS:
            raise InvalidInput(
                [Finding((1,), f"the values of its variables are longer than {MAX_EXPANDED_CHARACTERS}")]
            )
        return value

    def _looked_up(self, piece: Piece, depth: int) -> tuple[str, ...]:
        if piece.kind != "variable":
            return (self._plain_value(piece),)
        if piece.text == "#":
            return (str(len(self._values["@"])),)
        found = _REFERENCE.fullmatch(piece.text)
        if found is None:
            return (_unread(f"${{{piece.text[:40]}}}"),)
        value, how = self._values.get(found["name"]), found["how"]
        has_value = value is not None and value != ("",)
        if how is not None and depth < _MOST_DEFAULTS and (how == "+") is has_value:
            return (
                "".join(part for inner in variable_pieces(found["word"]) for part in self._value(inner, depth + 1)),
            )
        if value is None:
            mark = DOUBTFUL if found["name"] in self._doubtful else ""
            return ("",) if how == "+" else (_unread(f"${found['name']}{mark}"),)
        return value if found["array"] or found["name"] in "@*" else value[:1]

    def _plain_value(self, piece: Piece) -> str:
        if piece.kind == "arithmetic":
            value = evaluate(piece.text, self.get)
            return str(value) if value is not None else _unread("$((...))")
        return piece.text if piece.kind == "text" else _unread(piece.text)


def _unread(name: str) -> str:
    return f"{UNREAD}{'_'.join(name.split())}{UNREAD}"


def _is_list(reference: str) -> bool:
    return reference == "@" or reference.endswith("[@]")


def _split(value: Sequence[str]) -> list[str]:
    return [part for text in value for part in text.split()]
