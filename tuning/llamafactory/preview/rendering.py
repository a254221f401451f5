"""A conversation as the model will see it: written with a template, and what of it is trained on.

It follows data/template.py and data/processor/supervised.py of LLaMA-Factory, but for `cutoff_len`, which counts tokens
and so needs the model's tokenizer.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.preview.templates import Template

Speaker = Literal["user", "assistant", "observation", "function"]
ASKING: tuple[Speaker, ...] = ("user", "observation")
_MEDIA = re.compile("<(image|video|audio)>")


class Turn(NamedTuple):
    """Turn of a conversation: `function` is a call of a tool as JSON, `observation` the tool's answer."""

    speaker: Speaker
    text: str


@dataclass(frozen=True)
class Conversation:
    """Turns by two sides in alternation; the first one asks, the last one answers."""

    turns: tuple[Turn, ...]
    system: str = ""


class Piece(NamedTuple):
    """Some of the text, special tokens written out."""

    text: str
    is_trained: bool
    """The loss counts it: the model learns to say it."""
    is_read: bool = True
    """False: only to be said here, and not read by what follows. Some templates end a turn so."""


@dataclass(frozen=True)
class Training:
    """The arguments that decide about the text, with LLaMA-Factory's own defaults."""

    mask_history: bool = False
    train_on_prompt: bool = False
    enable_thinking: bool = True
    preserve_thinking: bool = False


@dataclass(frozen=True)
class SpecialTokens:
    """Text of the tokenizer's own tokens; None where it has none, and then nothing stands in their place."""

    bos: str | None = "[BOS]"
    eos: str = "[EOS]"


def check_training(template: Template, training: Training) -> None:
    """Raises InvalidInput for arguments that LLaMA-Factory would refuse with this template."""
    if training.train_on_prompt and training.mask_history:
        raise _refused("train_on_prompt and mask_history do not go together", "choose one of them")
    if training.train_on_prompt and template.ends_lazily:
        raise _refused(f"the template {template.name} has no train_on_prompt", "leave it out")


def render(
    template: Template,
    conversation: Conversation,
    training: Training = Training(),
    tokens: SpecialTokens = SpecialTokens(),
) -> list[Piece]:
    """The text of supervised training, whole: the pieces that are read give it in order.

    Raises InvalidInput for what LLaMA-Factory would refuse, and for what its template does by code (tools of its own).
    """
    check_training(template, training)
    _check(template, conversation)
    tokens = SpecialTokens(tokens.bos, template.own_eos or tokens.eos)
    turns = list(conversation.turns)
    if template.is_reasoning:
        turns = _thoughts_removed(template, turns, training)
    texts = [_written(template, conversation, turns, number, tokens) for number in range(len(turns))]
    if template.is_reasoning:
        _add_empty_thoughts(template, turns, texts, training)
    return _joined(_pieces(template, texts, training, tokens.eos))


def _check(template: Template, conversation: Conversation) -> None:
    turns = conversation.turns
    if not turns or any((turn.speaker in ASKING) == bool(number % 2) for number, turn in enumerate(turns)):
        raise _refused("the two sides do not take turns", "a question comes first, then its answer")
    if len(turns) % 2:
        raise _refused("the last question has no answer", "add one")
    calls = any(turn.speaker == "function" for turn in turns)
    if calls and template.function_format != "default":
        message = f"the template {template.name} writes calls of tools in a form of its own, which is not shown here"
        raise _refused(message, "look at a conversation without calls")
    if template.is_multimodal and any(_MEDIA.search(turn.text) for turn in turns):
        raise _refused("images, videos and sounds are not shown here", "look at a conversation of text")


def _refused(message: str, hint: str) -> InvalidInput:
    return InvalidInput([Finding(("template",), message, hint)])


def _thoughts_removed(template: Template, turns: list[Turn], training: Training) -> list[Turn]:
    """From all answers without enable_thinking; from all but the last where only the last is trained on."""
    bare = set(range(1, len(turns), 2)) if not training.enable_thinking else set()
    if _forgets_thoughts(training):
        bare |= set(range(1, len(turns) - 2, 2))
    return [_without_thought(template, turn) if number in bare else turn for number, turn in enumerate(turns)]


def _forgets_thoughts(training: Training) -> bool:
    return training.mask_history and not training.preserve_thinking


def _without_thought(template: Template, turn: Turn) -> Turn:
    begin, end = map(re.escape, template.thought_words)
    head = _up_to_last(template.thought_words[1], turn.text)
    bare = re.sub(f"{begin}(.*?){end}", "", head, flags=re.DOTALL) + turn.text[len(head) :]
    return turn._replace(text=bare.lstrip("\n"))


def _up_to_last(end: str, text: str) -> str:
    """The text to the end of the last of these marks: behind it nothing can match, and a search would take for each
    mark that begins something as long as the text is."""
    return text[: text.rfind(end) + len(end)] if end in text else ""


def _written(
    template: Template, conversation: Conversation, turns: list[Turn], number: int, tokens: SpecialTokens
) -> str:
    speaker, text = turns[number]
    before = ""
    if number == 0:
        before = _filled(template.slots["prefix"], tokens)
        system = conversation.system or template.default_system
        if system and template.kind == "Llama2Template":
            text = _filled(template.slots["system"][:1], tokens, system) + text
        elif system:
            before += _filled(template.slots["system"], tokens, system)
    if speaker == "function":
        text = _call(template, text)
    return before + _filled(template.slots[speaker], tokens, text)


def _filled(slots: tuple[Any, ...], tokens: SpecialTokens, content: str = "") -> str:
    """A special token by another name than these two is written by LLaMA-Factory as nothing (phi_small has one)."""
    own = {"bos_token": tokens.bos or "", "eos_token": tokens.eos}
    written = ""
    for slot in slots:
        if isinstance(slot, str):
            written += slot.replace("{{content}}", content, 1)
        else:
            written += slot["token"] if "token" in slot else own.get(slot["special"], "")
    return written


def _call(template: Template, text: str) -> str:
    """Calls in LLaMA-Factory's default form, behind the thought that may come first. Raises InvalidInput."""
    begin, end = map(re.escape, template.thought_words)
    thought = re.search(f"{begin}(.*?){end}", _up_to_last(template.thought_words[1], text), re.DOTALL)
    said = thought[0] if thought and template.kind != "Llama2Template" else ""
    try:
        calls = json.loads(text.replace(said, ""))
        calls = calls if isinstance(calls, list) else [calls]
        lines = [(call["name"], json.dumps(call["arguments"], ensure_ascii=False)) for call in calls]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused("a call of a tool that is no JSON", 'write {"name": ..., "arguments": {...}}') from error
    return said + "\n".join(f"Action: {name}\nAction Input: {arguments}" for name, arguments in lines)


def _add_empty_thoughts(template: Template, turns: list[Turn], texts: list[str], training: Training) -> None:
    """Where an answer has none: learned, or with enable_thinking off put behind the question as given."""
    empty = "" if template.kind.startswith("Glm47") else template.thought_words[0]
    empty += template.thought_words[1]
    answers = [len(turns) - 1] if _forgets_thoughts(training) else range(1, len(turns), 2)
    for number in answers:
        if any(word.strip() in turns[number].text for word in template.thought_words):
            continue
        if training.enable_thinking:
            texts[number] = empty + texts[number]
        else:
            texts[number - 1] += empty


def _pieces(template: Template, texts: list[str], training: Training, eos: str) -> list[Piece]:
    """Where only the last answer counts, LLaMA-Factory goes through the turns from the end: that one is its first."""
    pieces = []
    first = len(texts) - 2 if training.mask_history else 0
    for number in range(0, len(texts), 2):
        if template.ends_lazily and number != first:
            pieces.append(Piece(eos, is_trained=True, is_read=False))
        pieces.append(Piece(texts[number], training.train_on_prompt))
        pieces.append(Piece(texts[number + 1], not training.mask_history or number == first))
    if template.ends_lazily:
        pieces.append(Piece(eos, is_trained=True))
    return pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of a kind as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1][1:] == piece[1:]:
            joined[-1] = piece._replace(text=joined[-1].text + piece.text)
        elif piece.text:
            joined.append(piece)
    return joined
