"""Variables of a shell text, and words with their values in place. Pure.

Only what the same text sets is known. Everything else (the environment of a login, what a command would print) is
enclosed in UNREAD where it stands, so that whoever needs the word can say so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.commands.arithmetic import evaluate
from tuning.llamafactory.commands.expansions import changed, sliced
from tuning.llamafactory.commands.shell_text import UNREAD, Piece, Word, default_pieces

MAX_EXPANDED_CHARACTERS = 256 * 1024
"""Of all words together: a line that doubles itself forty times is no command."""
DOUBTFUL = "?"
"""Ends the name of a variable that is set where it is not known whether that runs."""
_MOST_DEFAULTS = 4
"""Inside each other."""
_REFERENCE = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*|[0-9@*])(?:\[(?P<index>[^\[\]]{1,40})\])?"
    r"(?::?(?P<how>[-=+?])(?P<word>.*)|(?P<change>[:#%/^,].*))?",
    re.DOTALL,
)
_LENGTH = re.compile(r"#(?P<name>[A-Za-z_][A-Za-z0-9_]*|[0-9@*])(?P<array>\[[@*]\])?")
_LIST = re.compile(r"@|[A-Za-z_][A-Za-z0-9_]*\[@\]")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<adds>\+?)=")


def is_read(text: str) -> bool:
    """Whether nothing in it is left open."""
    return UNREAD not in text


def unread(name: str) -> str:
    """The mark of a part that cannot be read."""
    return f"{UNREAD}{'_'.join(name.split())}{UNREAD}"


def shown(text: str) -> str:
    """A text for people, with what could not be read by its name."""
    return text.replace(f"{DOUBTFUL}{UNREAD}", "").replace(UNREAD, "")


def left_open(text: str) -> str:
    """The first part that could not be read, as it stood."""
    return text.split(UNREAD, 2)[1] if UNREAD in text else ""


def why_open(name: str) -> str:
    """Reason that a part could not be read."""
    if name.endswith(DOUBTFUL):
        return f"{name.removesuffix(DOUBTFUL)} is set in a condition, a loop or a function"
    if name.startswith(("$(", "`", "${", "<", ">")):
        return f"{name} is known to a shell on a node only"
    return f"{name} is not set in this text"


def open_hint(name: str) -> str:
    """Advice on what to do about it."""
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
            return (self._length(piece.text),)
        value, how = self._selected(found), found["how"]
        has_value = value is not None and value != ("",)
        is_known = value is not None or found["name"] not in self._doubtful
        if how in ("-", "=", "+") and depth < _MOST_DEFAULTS and (how == "+") is has_value and is_known:
            inside = default_pieces(found["word"], is_quoted=piece.is_quoted)
            return ("".join(part for inner in inside for part in self._value(inner, depth + 1)),)
        if value is None or (how == "?" and not has_value):
            mark = DOUBTFUL if found["name"] in self._doubtful else ""
            return ("",) if how == "+" and not mark else (unread(f"${found['name']}{mark}"),)
        return self._changed(value, found) if found["change"] else value

    def _selected(self, found: re.Match[str]) -> tuple[str, ...] | None:
        """The elements that a reference names: of an array all, the first, or that of a number."""
        value, index = self._values.get(found["name"]), found["index"]
        if value is None or index in ("@", "*") or found["name"] in "@*":
            return value
        place = evaluate(index, self.get) if index is not None else 0
        if place is None:
            return (unread(f"${{{found[0][:40]}}}"),)
        is_inside = index is None or -len(value) <= place < len(value)
        return value[place:][:1] if is_inside else None

    def _changed(self, value: tuple[str, ...], found: re.Match[str]) -> tuple[str, ...]:
        """Values as `${X%...}` and its like change them; `${A[@]:1}` and `${@:1}` are elements, `$1` the first."""
        reason = next((left_open(one) for one in value if not is_read(one)), f"${{{found[0][:40]}}}")
        is_arguments = found["name"] in "@*"
        result: Sequence[str | None] | None = [changed(one, found["change"]) for one in value]
        if found["change"].startswith(":") and (is_arguments or found["index"] in ("@", "*")):
            numbered = (unread("$0"), *value) if is_arguments else value
            result = sliced(numbered, found["change"])
        whole = tuple(one for one in result or () if one is not None)
        is_whole = result is not None and len(whole) == len(result) and all(map(is_read, value))
        return whole if is_whole else (unread(reason),)

    def _length(self, reference: str) -> str:
        """`${#X}`: characters of a value, `${#A[@]}`: elements of an array."""
        found = _LENGTH.fullmatch(reference)
        value = self._values.get(found["name"]) if found else None
        if found is None or value is None or not all(map(is_read, value)):
            return unread(f"${{{reference[:40]}}}")
        is_count = bool(found["array"]) or found["name"] in "@*"
        return str(len(value) if is_count else len("".join(value[:1])))

    def _plain_value(self, piece: Piece) -> str:
        if piece.kind == "arithmetic":
            value = evaluate(piece.text, self.get)
            return str(value) if value is not None else unread("$((...))")
        return piece.text if piece.kind == "text" else unread(piece.text)


def _is_list(reference: str) -> bool:
    return _LIST.match(reference) is not None


def _split(value: Sequence[str]) -> list[str]:
    return [part for text in value for part in text.split()]
