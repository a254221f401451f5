"""Rows of a data set as prompts: what was said up to the last question, and the answer that is expected. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuning.datasets.rows.conversation import conversation_of
from tuning.datasets.rows.preview import Preview, PreviewRow
from tuning.errors import InvalidInput
from tuning.llamafactory.preview.rendering import Conversation

MOST_CHARACTERS = 20_000
"""Of one row: what is longer is no prompt for a page."""
_LEFT_OUT = "LLaMA-Factory leaves this row out; the data set's report says why"
_TOOLS = "it calls tools, which are not talked to here"
_TOO_LONG = f"it has more than {MOST_CHARACTERS:,} characters"


@dataclass(frozen=True)
class Prompt:
    """A row to ask models with."""

    row: int
    system: str = ""
    earlier: Sequence[Mapping[str, str]] = ()
    """Messages before the question, as a request has them."""
    question: str = ""
    expected: str = ""
    problem: str | None = None
    """Reason that it is no prompt."""

    @property
    def for_script(self) -> dict[str, Any]:
        """Values for the page's script."""
        shown = {"system": self.system, "question": self.question, "expected": self.expected}
        return {**shown, "earlier": list(self.earlier)}


def prompts_of(preview: Preview, entry: Mapping[str, Any]) -> list[Prompt]:
    """The rows of a preview, by the data set's entry in dataset_info.json."""
    return [_prompt(row, entry) for row in preview.rows]


def _prompt(row: PreviewRow, entry: Mapping[str, Any]) -> Prompt:
    try:
        conversation = conversation_of(row.value, entry)
    except InvalidInput as error:
        return Prompt(row.row, problem=error.findings[0].message)
    if conversation is None:
        return Prompt(row.row, problem=_LEFT_OUT)
    if (problem := _problem(conversation)) is not None:
        return Prompt(row.row, problem=problem)
    *earlier, question, answer = conversation.turns
    messages = [{"role": turn.speaker, "content": turn.text} for turn in earlier]
    return Prompt(row.row, conversation.system, messages, question.text, answer.text)


def _problem(conversation: Conversation) -> str | None:
    if any(turn.speaker not in ("user", "assistant") for turn in conversation.turns):
        return _TOOLS
    length = len(conversation.system) + sum(len(turn.text) for turn in conversation.turns)
    return _TOO_LONG if length > MOST_CHARACTERS else None
