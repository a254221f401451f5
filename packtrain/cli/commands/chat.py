"""chat: talk to a model, in a prompt loop or with one question."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from packtrain.cli.commands.arguments import connect
from packtrain.cli.screen import note, say_piece
from packtrain.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_MOST_STDIN_CHARACTERS = 1_000_000
_PROMPT = "> "


def chat(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Of the catalogue, or a result: `packtrain models`.")],
    question: Annotated[
        str | None, typer.Argument(metavar="[QUESTION]", help="Ask this and end; without it stdin, or a prompt.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="What the model is told before all else.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="0 = without chance.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="The longest answer.")] = None,
) -> None:
    """Talk to a model. Where nobody serves it yet, it is started, and its forecast is shown meanwhile.

    \b
    packtrain chat tiny-llama "What is a llama?"
    git diff | packtrain chat llama3-8b --system "Review this."
    packtrain chat ft:llama3-8b:mt:chats:0a1b2c
    """
    with connect() as api:
        talk = _Talk(api, model, system, {"temperature": temperature, "max_tokens": max_tokens})
        if question is None and _is_at_a_terminal():
            _converse(talk)
        else:
            talk.ask(question if question is not None else _piped())


def _is_at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _piped() -> str:
    """The question on stdin. Raises InvalidInput where there is none, or too much."""
    text = sys.stdin.read(_MOST_STDIN_CHARACTERS + 1)
    if not text.strip():
        raise InvalidInput([Finding(("question",), "nothing is asked: stdin is empty", "give a question")])
    if len(text) > _MOST_STDIN_CHARACTERS:
        raise InvalidInput([Finding(("question",), f"stdin has more than {_MOST_STDIN_CHARACTERS} characters")])
    return text


def _converse(talk: "_Talk") -> None:
    """Questions of somebody at a terminal, until there are no more. Ctrl-C ends an answer, Ctrl-D the talk."""
    note("Ctrl-D ends.")
    while True:
        try:
            question = input(_PROMPT)
        except EOFError:
            note("")
            return
        if not question.strip():
            continue
        try:
            talk.ask(question)
        except KeyboardInterrupt:
            note("\nstopped")


class _Talk:
    """Messages of a talk, and the fields that go with each question."""

    def __init__(self, api: "Packtrain", model: str, system: str | None, fields: dict[str, float | None]) -> None:
        self._api, self._model, self._fields = api, model, fields
        self._messages = [{"role": "system", "content": system}] if system else []
        self._told = ""

    def ask(self, question: str) -> None:
        """Print the answer as it comes, and remember both where it came to its end."""
        asked = [*self._messages, {"role": "user", "content": question}]
        pieces = []
        for piece in self._api.chat(self._model, asked, on_wait=self._tell, **self._fields):
            say_piece(piece)
            pieces.append(piece)
        say_piece("\n")
        self._messages = [*asked, {"role": "assistant", "content": "".join(pieces)}]

    def _tell(self, words: str) -> None:
        if words != self._told:
            note(words)
        self._told = words
