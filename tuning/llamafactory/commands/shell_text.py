"""Shell text as statements: words with their quoting, redirections, heredocs. It is read, never run. Pure.

What bash itself would not take apart (an open quotation mark) raises InvalidInput with its line. Substitutions are
found, and stand as pieces that cannot be read: their values are known on a node only.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tuning.errors import Finding, InvalidInput

MAX_CHARACTERS = 64 * 1024
MOST_STATEMENTS = 2_000
"""Reading each takes a tenth of a millisecond."""
UNREAD = "\ue000"
"""Encloses, in a text that was made from pieces, the name of what cannot be read. A character for private use: no
text that people give may hold it."""

ARITHMETIC = "((...))"
"""Stands for a statement `(( i++ ))`."""
_BAD_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BLANKS = re.compile(r"(?:[ \t\r]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_REDIRECT = re.compile(r"(?:[0-9]{0,3}(?:<<<|<<-?|>>|>\||>&|<&|<>|<(?!\()|>(?!\())|&>>?)")
_OPERATOR = re.compile(r";;&|;;|;&|;|&&|\|\||\|&|\||&|\(|\)")
_PLAIN = re.compile(r"[^ \t\r\n;&|<>()'\"\\$`\ue000]+")
_IN_DOUBLE_QUOTES = re.compile(r'[^"\\$`\ue000]+')
_IN_DEFAULT = re.compile(r"[^'\"\\$`\ue000]+")
_IN_HEREDOC = re.compile(r"[^\\$`\ue000]+")
_EXPANDED = f"$`{UNREAD}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_PATH_OF = re.compile(r"\s*(?:which|command\s+-v|type\s+-[pP])\s+(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*")
"""`$(which llamafactory-cli)`: by its name the program is as well known."""
_ARRAY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")


@dataclass(frozen=True)
class Piece:
    """A part of a word: plain text, the inside of `${...}` or `$((...))`, or what only a shell on a node could know."""

    kind: Literal["text", "variable", "arithmetic", "unread"]
    text: str
    is_quoted: bool = False


@dataclass(frozen=True)
class Word:
    """A word, and the line that it begins on."""

    line: int
    pieces: tuple[Piece, ...]
    items: tuple["Word", ...] | None = None
    """Those of an array, where the word is `NAME=( ... )`."""

    @property
    def plain(self) -> str:
        """The text of a word without any quoting, as keywords and names of assignments are; else nothing."""
        is_plain = all(piece.kind == "text" and not piece.is_quoted for piece in self.pieces)
        return "".join(piece.text for piece in self.pieces) if is_plain else ""


@dataclass(frozen=True)
class Redirect:
    """A redirection: to or from a file, or a text that stands in the script."""

    operator: str
    target: Word
    """The file, or the text of a heredoc."""


@dataclass(frozen=True)
class Statement:
    """Words between two operators or ends of lines."""

    line: int
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    end: str
    r"""The operator behind it: `\n`, `;`, `&&`, `||`, `|`, `&`, `(`, `)` or nothing."""


def scan(text: str) -> tuple[Statement, ...]:
    """The statements of a shell text, in their order. Raises InvalidInput with `loc` = (line,)."""
    if len(text) > MAX_CHARACTERS:
        raise _refusal(1, f"the text has {len(text)} characters; {MAX_CHARACTERS} are allowed")
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if bad := _BAD_CHARACTER.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise _refusal(line, f"the character U+{ord(bad.group()):04X} belongs in no shell text", "remove it")
    statements = tuple(islice(_Scanner(text).statements(), MOST_STATEMENTS + 1))
    if len(statements) > MOST_STATEMENTS:
        raise _refusal(
            statements[-1].line, f"there are more than {MOST_STATEMENTS} commands", "give the training alone"
        )
    return statements


def default_pieces(text: str, *, is_quoted: bool) -> tuple[Piece, ...]:
    """The pieces of the default in `${NAME:-default}`; `is_quoted`: the reference stands in double quotes.

    Raises InvalidInput for a quotation mark that is never closed.
    """
    return _Scanner(text).default_pieces(is_quoted=is_quoted)


def _refusal(line: int, message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput([Finding((line,), message, hint)])


class _Scanner:
    """One pass over a text, from left to right."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        self.text, self.at = text, 0
        self._first_line = first_line
        self._line_ends = [found.start() for found in re.finditer("\n", text)]
        self._behind_heredocs: int | None = None
        """Where reading goes on after the end of this line."""

    @property
    def line(self) -> int:
        return self._line_at(self.at)

    def statements(self) -> Iterator[Statement]:
        while self.at < len(self.text):
            statement = self._statement()
            if statement.words or statement.redirects or statement.end.strip():
                yield statement

    def _statement(self) -> Statement:
        words: list[Word] = []
        redirects: list[Redirect] = []
        self._skip_blanks()
        line = self.line
        end = ""
        while self.at < len(self.text):
            if self.text[self.at] == "\n":
                end = self._end_line()
                break
            if words and words[0].plain == "[[" and words[-1].plain != "]]":
                words.append(self._word_of_a_test())
            elif self.text.startswith("((", self.at):
                line_of_word = self.line
                self._substitution("(", ")", "", is_quoted=False)
                words.append(Word(line_of_word, (Piece("text", ARITHMETIC, is_quoted=True),)))
            elif found := _REDIRECT.match(self.text, self.at):
                redirects.append(self._redirect(found.group()))
            elif found := _OPERATOR.match(self.text, self.at):
                self.at, end = found.end(), found.group()
                break
            else:
                words.append(self._word())
            self._skip_blanks()
        return Statement(line, tuple(words), tuple(redirects), end)

    def _skip_blanks(self) -> None:
        while found := _BLANKS.match(self.text, self.at) or _COMMENT.match(self.text, self.at):
            self.at = found.end()

    def _end_line(self) -> str:
        self.at = self.at + 1 if self._behind_heredocs is None else self._behind_heredocs
        self._behind_heredocs = None
        return "\n"

    def _word(self) -> Word:
        line, pieces = self.line, list[Piece]()
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "(" and pieces and _ARRAY.fullmatch(Word(line, tuple(pieces)).plain):
                return Word(line, tuple(pieces), tuple(self._array()))
            if character in "<>" and self.text.startswith("(", self.at + 1):
                self.at += 1
                pieces.append(self._substitution("(", ")", f"{character}(...)", is_quoted=False))
            elif character in " \t\r\n;&|<>()":
                break
            else:
                pieces += self._pieces_at(character)
        return Word(line, tuple(pieces))

    def _pieces_at(self, character: str) -> tuple[Piece, ...]:
        if character == "'":
            return (self._single_quoted(self.at + 1),)
        if character == '"':
            self.at += 1
            return self.quoted_pieces(_IN_DOUBLE_QUOTES, '"')
        if character == "\\":
            following = self.text[self.at + 1 : self.at + 2]
            self.at += 2
            return () if following == "\n" else (Piece("text", following, is_quoted=True),)
        if character in _EXPANDED:
            return (self._expansion(is_quoted=False),)
        found = _PLAIN.match(self.text, self.at)
        assert found is not None  # noqa: S101 - every other character is one of those above
        self.at = found.end()
        return (Piece("text", found.group()),)

    def _single_quoted(self, begin: int) -> Piece:
        end = self.text.find("'", begin)
        if end < 0:
            raise self._unclosed("quotation mark '", begin - 1)
        self.at = end + 1
        return Piece("text", self.text[begin:end], is_quoted=True)

    def default_pieces(self, *, is_quoted: bool) -> tuple[Piece, ...]:
        """All of the text, without the marks of what is quoted inside it."""
        pieces = [Piece("text", "", is_quoted=True)]
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == '"':
                self.at += 1
                pieces += self.quoted_pieces(_IN_DOUBLE_QUOTES, '"')
            elif character == "'" and not is_quoted:
                pieces.append(self._single_quoted(self.at + 1))
            elif character == "\\":
                pieces.append(self._escaped())
            elif character in _EXPANDED:
                pieces.append(self._expansion(is_quoted=True))
            else:
                found = _IN_DEFAULT.match(self.text, self.at)
                self.at = found.end() if found else self.at + 1
                pieces.append(Piece("text", found.group() if found else character, is_quoted=True))
        return tuple(pieces)

    def quoted_pieces(self, run: re.Pattern[str], end: str | None) -> tuple[Piece, ...]:
        """Up to the closing mark, or to the end of the text; an empty text is a piece as well."""
        begin, pieces = self.at, [Piece("text", "", is_quoted=True)]
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == end:
                self.at += 1
                return tuple(pieces)
            if character == "\\":
                pieces.append(self._escaped())
            elif character in _EXPANDED:
                pieces.append(self._expansion(is_quoted=True))
            else:
                found = run.match(self.text, self.at)
                self.at = found.end() if found else self.at + 1
                pieces.append(Piece("text", found.group() if found else character, is_quoted=True))
        if end is not None:
            raise self._unclosed(f"quotation mark {end}", begin - 1)
        return tuple(pieces)

    def _escaped(self) -> Piece:
        following = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if following == "\n":
            return Piece("text", "", is_quoted=True)
        return Piece("text", following if following in '$`"\\' else f"\\{following}", is_quoted=True)

    def _expansion(self, *, is_quoted: bool) -> Piece:
        if self.text[self.at] != "$":
            return self._unread(is_quoted=is_quoted)
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if following == "(":
            begin = self.at
            found = self._substitution("(", ")", "$(...)", is_quoted=is_quoted)
            inside = self.text[begin + 1 : self.at - 1]
            if program := _PATH_OF.fullmatch(inside):
                return Piece("text", program["name"], is_quoted)
            is_arithmetic = inside.startswith("(") and inside.endswith(")")
            return Piece("arithmetic", inside[1:-1], is_quoted) if is_arithmetic else found
        if following == "{":
            begin = self.at + 1
            self._substitution("{", "}", "${...}", is_quoted=is_quoted)
            return Piece("variable", self.text[begin : self.at - 1], is_quoted)
        if following == "'" and not is_quoted:
            return self._single_quoted(self.at + 1)
        name = _NAME.match(self.text, self.at)
        self.at = name.end() if name else self.at
        return Piece("variable", name.group(), is_quoted) if name else Piece("text", "$", is_quoted)

    def _unread(self, *, is_quoted: bool) -> Piece:
        """`` `command` ``, and what could not be read of the text around this one."""
        begin, mark = self.at, self.text[self.at]
        end = self.text.find(mark, begin + 1)
        if end < 0:
            raise self._unclosed(f"mark {mark}", begin)
        self.at = end + 1
        return Piece("unread", "`...`" if mark == "`" else self.text[begin + 1 : end], is_quoted)

    def _substitution(self, opening: str, closing: str, shown: str, *, is_quoted: bool) -> Piece:
        """Text in brackets, whatever it is; quoted brackets do not count."""
        begin, depth = self.at, 0
        marks = re.compile(rf"\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|[{re.escape(opening + closing)}]", re.DOTALL)
        for found in marks.finditer(self.text, begin):
            depth += {opening: 1, closing: -1}.get(found.group(), 0)
            if depth == 0:
                self.at = found.end()
                return Piece("unread", shown, is_quoted)
        raise self._unclosed(f"bracket {opening}", begin)

    def _array(self) -> Iterator[Word]:
        begin = self.at
        self.at += 1
        while True:
            self._skip_blanks()
            if self.at >= len(self.text):
                raise self._unclosed("bracket (", begin)
            if self.text[self.at] == ")":
                self.at += 1
                return
            if self.text[self.at] in "\n;&|<>(":
                self.at += 1
            else:
                yield self._word()

    def _word_of_a_test(self) -> Word:
        """Inside `[[ ]]` operators are words."""
        if self.text[self.at] in ";&|<>()":
            self.at += 1
            return Word(self.line, (Piece("text", self.text[self.at - 1], is_quoted=True),))
        return self._word()

    def _redirect(self, operator: str) -> Redirect:
        self.at += len(operator)
        self._skip_blanks()
        operator = operator.lstrip("0123456789")
        target = self._word()
        return Redirect(operator, self._heredoc(operator, target) if operator in ("<<", "<<-") else target)

    def _heredoc(self, operator: str, delimiter: Word) -> Word:
        """The text from the next line on, up to a line that is the delimiter."""
        begin = self._behind_heredocs
        if begin is None:
            newline = self.text.find("\n", self.at)
            begin = len(self.text) if newline < 0 else newline + 1
        ends = "".join(piece.text for piece in delimiter.pieces)
        lines, at, first = list[str](), begin, self._line_at(begin)
        while at < len(self.text):
            newline = self.text.find("\n", at)
            line = self.text[at : len(self.text) if newline < 0 else newline]
            at += len(line) + 1
            line = line.lstrip("\t") if operator == "<<-" else line
            if line == ends:
                self._behind_heredocs = min(at, len(self.text))
                return Word(first, self._heredoc_pieces("".join(lines), delimiter, first))
            lines.append(f"{line}\n")
        raise self._unclosed(f"heredoc <<{ends[:40]}", self.at)

    def _heredoc_pieces(self, body: str, delimiter: Word, line: int) -> tuple[Piece, ...]:
        if any(piece.is_quoted for piece in delimiter.pieces):
            return (Piece("text", body, is_quoted=True),)
        return _Scanner(body, line).quoted_pieces(_IN_HEREDOC, None)

    def _line_at(self, at: int) -> int:
        return bisect.bisect_left(self._line_ends, at) + self._first_line

    def _unclosed(self, opened: str, begin: int) -> InvalidInput:
        return _refusal(self._line_at(begin), f"a {opened} is opened here and never closed", "close it, or remove it")
