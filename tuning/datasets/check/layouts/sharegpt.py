"""Rows of the form sharegpt: a list of turns, perhaps with two answers, or with a thumb up or down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import sub
from typing import Any, NamedTuple

from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.layouts.formats import ChatLayout
from tuning.datasets.check.layouts.tool_texts import why_bad_call, why_bad_tools
from tuning.datasets.check.read.alike_rows import AlikeRows
from tuning.datasets.check.row_result import GoodRows, RowResult

_PATTERNS_KEPT = 4096
_KEYS_OF_TURN = 2
_ONLY_TEXT = frozenset({str})
_Found = tuple[Reason, str]


class _Turn(NamedTuple):
    """Something that is encoded for the model."""

    place: str
    role: str | None
    content: str | None


@dataclass(slots=True)
class _Chat:
    """A row whose turns have the right types; for ranking, the contents of the two answers are added."""

    row: dict[str, Any]
    roles: tuple[str | None, ...]
    contents: list[str | None]
    has_calls: bool
    """Whether its messages have tool_calls besides, which LLaMA-Factory does not read."""
    weightless: frozenset[int]
    """Messages of weight 0, which LLaMA-Factory does not read either, by their places."""
    first: int
    """Where the turns begin: behind a system message, which may be null."""

    def turns(self) -> list[_Turn]:
        """Without the system message."""
        said = list(zip(self.roles, self.contents, strict=True))[self.first :]
        return [_Turn(_place(number), role, content) for number, (role, content) in enumerate(said, self.first)]


class ChatJudge:
    """Judge of chats, as SharegptDatasetConverter and the processor of the purpose read them."""

    def __init__(self, layout: ChatLayout) -> None:
        self._layout = layout
        self._answering, self._asking = (layout.assistant, layout.function), (layout.user, layout.observation)
        self._beside = tuple(column for column in (layout.system, layout.tools) if column is not None)
        self._patterns: dict[tuple[str | None, ...], _Found | None] = {}
        self._good_patterns: dict[tuple[str | None, ...], int] = {}
        """Of plain chats without function calls: where the turns begin."""
        self._look = {"ranking": self._ranking, "kto": self._kto}.get(layout.purpose, self._plain)

    def __call__(self, row: dict[str, Any]) -> RowResult:
        return self._judge_quickly(row) or self.judge_thoroughly(row)

    def _judge_quickly(self, row: dict[str, Any]) -> RowResult | None:
        """The result of a chat of a kind that was found good before, with nothing in it that could be doubted."""
        if not self._good_patterns or not row.keys().isdisjoint(self._beside):
            return None
        turns: Any = row.get(self._layout.messages)
        role, content = self._layout.role, self._layout.content
        try:
            roles = tuple([turn[role] for turn in turns])
            texts = tuple([turn[content] for turn in turns])
            first = self._good_patterns.get(roles)
        except (TypeError, KeyError):
            return None
        if (
            first is None
            or "" in texts
            or not _ONLY_TEXT.issuperset(map(type, texts))
            or max(map(len, turns)) > _KEYS_OF_TURN
        ):
            return None
        return RowResult(None, "", texts, len(roles) - first, roles)

    def all_good(self, rows: AlikeRows) -> GoodRows | None:
        """The results of some rows, if nothing is to be said of any; None: it may be."""
        layout = self._layout
        if rows.type_of(layout.messages) is not list or any(map(rows.type_of, self._beside)):
            return None
        turns = rows.items(layout.messages)
        if turns.width() > _KEYS_OF_TURN or turns.type_of(layout.role) is not str:
            return None
        if turns.type_of(layout.content) is not str:
            return None
        lengths = list(map(len, rows.column(layout.messages)))
        contents, roles = turns.column(layout.content), _cut(turns.column(layout.role), lengths)
        if "" in contents or not self._good_patterns.keys() >= set(roles):
            return None
        firsts = map(self._good_patterns.__getitem__, roles)
        return GoodRows(_cut(contents, lengths), list(map(sub, lengths, firsts)), roles)

    def judge_thoroughly(self, row: dict[str, Any]) -> RowResult:
        """Judge a row, whatever it holds, without the quick way; the result is the same as that of a call."""
        turns = row.get(self._layout.messages)
        if type(turns) is not list:
            return RowResult(Reason.NO_MESSAGES if turns is None else Reason.WRONG_TYPE, self._layout.messages)
        role_key, content_key = self._layout.role, self._layout.content
        has_calls, weightless = False, set[int]()
        roles: list[str | None] = []
        contents: list[str | None] = []
        for turn in turns:
            if type(turn) is not dict:
                return RowResult(Reason.NO_MESSAGES if turn is None else Reason.WRONG_TYPE, _place(len(roles)))
            role, content = turn.get(role_key), turn.get(content_key)
            if not ((type(content) is str or content is None) and (type(role) is str or role is None)):
                return RowResult(Reason.WRONG_TYPE, _place(len(roles)))
            if len(turn) > _KEYS_OF_TURN:
                has_calls = has_calls or bool(turn.get("tool_calls"))
                weightless.update([len(roles)] if turn.get("weight") == 0 else [])
            roles.append(role)
            contents.append(content)
        first = 1 if roles and roles[0] == self._layout.system else 0
        return self._judge(_Chat(row, tuple(roles), contents, has_calls, frozenset(weightless), first))

    def _judge(self, chat: _Chat) -> RowResult:
        beside = [chat.row.get(column) for column in self._beside]
        for column, text in zip(self._beside, beside, strict=True):
            if text is not None and type(text) is not str:
                return RowResult(Reason.WRONG_TYPE, column)
        reason, detail = self._look(chat) or (None, "")
        texts = [text or "" for text in chat.contents] + [text for text in beside if text]
        return RowResult(reason, detail, tuple(texts), len(chat.roles) - chat.first, chat.roles)

    def _plain(self, chat: _Chat) -> _Found | None:
        dropped = self._why_dropped(chat)
        if dropped is not None:
            return dropped
        if self._layout.function not in chat.roles and len(self._good_patterns) < _PATTERNS_KEPT:
            self._good_patterns[chat.roles] = chat.first
        return self._why_doubted(chat, chat.turns())

    def _ranking(self, chat: _Chat) -> _Found | None:
        dropped = self._why_dropped(chat)
        if dropped is not None:
            return dropped
        turns = chat.turns()
        for name in (self._layout.chosen, self._layout.rejected):
            answer = chat.row.get(name)
            if not isinstance(answer, dict):
                return Reason.NO_PAIR, f"{name} is no object with the keys of a message"
            role, content = answer.get(self._layout.role), answer.get(self._layout.content)
            if role not in [*self._answering, *self._asking]:
                return Reason.BAD_ANSWER_ROLE, name
            if content is not None and type(content) is not str:
                return Reason.WRONG_TYPE, name
            chat.contents.append(content)
            turns.append(_Turn(name, role, content))
        return self._why_doubted(chat, turns) or self._why_doubted_pair(turns[-2:])

    def _why_doubted_pair(self, answers: Sequence[_Turn]) -> _Found | None:
        for answer in answers:
            if answer.role in self._asking:
                return Reason.ASKING_ANSWER, answer.place
        return (Reason.SAME_ANSWERS, "") if answers[0].content == answers[1].content else None

    def _kto(self, chat: _Chat) -> _Found | None:
        dropped = self._why_dropped(chat)
        if dropped is not None:
            reason, place = dropped
            return Reason.BROKEN_KTO, EXPLANATIONS[reason].message + (f", {place}" if place else "")
        answer, tag = chat.contents[-1], chat.row.get(self._layout.kto_tag)
        if type(tag) is not bool:
            return (Reason.NO_TAG, "") if answer else (Reason.BROKEN_KTO, "neither an answer nor a tag")
        if tag and not answer:
            return self._why_doubted(chat, chat.turns()[:-1]) or (Reason.PRAISED_NOTHING, "")
        return self._why_doubted(chat, chat.turns())

    def _why_dropped(self, chat: _Chat) -> _Found | None:
        """It depends on the roles alone, and few sequences of roles make up most files."""
        if chat.roles not in self._patterns:
            if len(self._patterns) >= _PATTERNS_KEPT:
                self._patterns.clear()
            self._patterns[chat.roles] = self._why_dropped_by_roles(chat.roles, chat.first)
        return self._patterns[chat.roles]

    def _why_dropped_by_roles(self, roles: tuple[str | None, ...], first: int) -> _Found | None:
        if len(roles) == first:
            return Reason.EMPTY_MESSAGES, ""
        for number, role in enumerate(roles[first:]):
            if role not in (self._answering if number % 2 else self._asking):
                return self._what_is_wrong_with(role), _place(number + first)
        ends_with_question = (len(roles) - first) % 2 == 1
        if self._layout.purpose == "ranking":
            return None if ends_with_question else (Reason.ENDS_WITH_ASSISTANT, "")
        return (Reason.ENDS_WITH_USER, "") if ends_with_question else None

    def _what_is_wrong_with(self, role: str | None) -> Reason:
        if role is None:
            return Reason.NO_ROLE
        known = {*self._answering, *self._asking, self._layout.system}
        return Reason.ROLES_OUT_OF_ORDER if role in known else Reason.UNKNOWN_ROLE

    def _why_doubted(self, chat: _Chat, turns: Sequence[_Turn]) -> _Found | None:
        """The worst of what is wrong with the tools and with what is said; None where nothing is."""
        tools = chat.row.get(self._layout.tools) if self._layout.tools else None
        found = [self._why_untrained(chat), why_bad_tools(tools) if tools else None]
        found += [*map(self._why_doubted_turn, turns), (Reason.UNUSED_TOOL_CALLS, "") if chat.has_calls else None]
        told = [each for each in found if each is not None]
        failing = (each for each in told if EXPLANATIONS[each[0]].outcome is Outcome.JOB_FAILS)
        return next(failing, told[0] if told else None)

    def _why_untrained(self, chat: _Chat) -> _Found | None:
        """Answers of weight 0 that are trained on; of a ranking no message is, and for KTO none but the last."""
        answers = [number for number, role in enumerate(chat.roles) if number >= chat.first and role in self._answering]
        untrained = [number for number in answers if number in chat.weightless]
        if not untrained or self._layout.purpose == "ranking":
            return None
        if answers[-1] in chat.weightless:
            return Reason.UNTRAINED_END, _place(answers[-1])
        if self._layout.purpose == "kto":
            return None
        is_last_alone = len(untrained) == len(answers) - 1
        return (Reason.UNTRAINED_HISTORY if is_last_alone else Reason.MIXED_WEIGHTS), _place(untrained[0])

    def _why_doubted_turn(self, turn: _Turn) -> _Found | None:
        if turn.content is None:
            return Reason.NULL_CONTENT, turn.place
        if turn.role == self._layout.function:
            return why_bad_call(turn.content, turn.place)
        return (Reason.EMPTY_ANSWER, "") if not turn.content and turn.role in self._answering else None


def _cut(texts: Iterable[str], lengths: Iterable[int]) -> list[tuple[str, ...]]:
    """Tuples of these lengths, one after the other."""
    running = iter(texts)
    return [tuple(islice(running, length)) for length in lengths]


def _place(index: int) -> str:
    return f"message {index + 1}"
