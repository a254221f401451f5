"""Rows for preferences, KTO, tools and plain text, each with what becomes of it."""

from typing import Any

from tests.tuning.datasets.files import (
    alpaca,
    liked,
    liked_chat,
    ranked,
    ranked_chat,
    said,
    sharegpt,
)
from tuning.datasets.check.issues import Reason

CALL = '{"name": "f", "arguments": {}}'
TOOLS = '[{"name": "f", "parameters": {"type": "object", "properties": {}}}]'
OUT_OF_ORDER = (("gpt", "a"), ("human", "b"))
DROPPED: list[tuple[dict[str, Any], dict[str, Any], Reason]] = [
    (ranked(), ranked(chosen=None), Reason.NO_PAIR),
    (ranked(), {"instruction": "a", "chosen": "b"}, Reason.NO_PAIR),
    (ranked_chat(), ranked_chat(chosen=None), Reason.NO_PAIR),
    (ranked_chat(), sharegpt(("human", "a")), Reason.NO_PAIR),
    (ranked_chat(), ranked_chat(("human", "a"), ("gpt", "b")), Reason.ENDS_WITH_ASSISTANT),
    (ranked_chat(), {**ranked_chat(), "conversations": []}, Reason.EMPTY_MESSAGES),
    (ranked_chat(), ranked_chat(*OUT_OF_ORDER, chosen=said("bob", "c")), Reason.ROLES_OUT_OF_ORDER),
    (liked(), liked(kto_tag=None), Reason.NO_TAG),
    (liked_chat(), liked_chat(kto_tag=None), Reason.NO_TAG),
    (sharegpt(tools=TOOLS), sharegpt(*OUT_OF_ORDER, tools="no JSON"), Reason.ROLES_OUT_OF_ORDER),
]
JOB_FAILS: list[tuple[dict[str, Any], dict[str, Any], Reason]] = [
    (ranked(), ranked(chosen=["a"]), Reason.TYPE_CHANGES),
    (ranked_chat(), ranked_chat(chosen=said("system", "a")), Reason.BAD_ANSWER_ROLE),
    (ranked_chat(), ranked_chat(chosen=said("bob", "a")), Reason.BAD_ANSWER_ROLE),
    (ranked_chat(), ranked_chat(rejected=said(None, "a")), Reason.BAD_ANSWER_ROLE),
    (ranked_chat(), ranked_chat(rejected=said("gpt", None)), Reason.NULL_CONTENT),
    (ranked_chat(), ranked_chat(("human", None)), Reason.NULL_CONTENT),
    (ranked_chat(), ranked_chat(chosen=said("function_call", "f(x)")), Reason.BAD_FUNCTION_CALL),
    (liked(), liked(output=None, kto_tag=None), Reason.BROKEN_KTO),
    (liked(), liked(output="", kto_tag=None), Reason.BROKEN_KTO),
    (liked(), liked(output=None, kto_tag=False), Reason.NULL_CONTENT),
    (liked_chat(), liked_chat(*OUT_OF_ORDER), Reason.BROKEN_KTO),
    (liked_chat(), liked_chat(("human", "a"), ("gpt", "b"), ("human", "c")), Reason.BROKEN_KTO),
    (liked_chat(), liked_chat(("human", "a"), ("gpt", ""), kto_tag=None), Reason.BROKEN_KTO),
    (liked_chat(), liked_chat(("human", "a"), ("gpt", None), kto_tag=False), Reason.NULL_CONTENT),
    (liked_chat(), liked_chat(("human", None), ("gpt", "")), Reason.NULL_CONTENT),
    (liked_chat(), liked_chat(("human", "a"), ("function_call", ""), kto_tag=False), Reason.BAD_FUNCTION_CALL),
    (liked_chat(), liked_chat(("human", "a"), ("function_call", "f")), Reason.BAD_FUNCTION_CALL),
    ({"text": "a"}, {"text": ["a"]}, Reason.TYPE_CHANGES),
    ({"text": "a"}, {"text": 3}, Reason.TYPE_CHANGES),
    *[
        (sharegpt(tools=TOOLS), sharegpt(tools=tools), Reason.BAD_TOOLS)
        for tools in ("no JSON", " ", "3", "null", "true", '"f"', '{"name": "f"}', '["f"]', "[[]]")
    ],
    (alpaca(tools=TOOLS), alpaca(tools="no JSON"), Reason.BAD_TOOLS),
]
DOUBTED: list[tuple[dict[str, Any], Reason]] = [
    (ranked(chosen=""), Reason.EMPTY_ANSWER),
    (ranked(rejected=""), Reason.EMPTY_ANSWER),
    (ranked(instruction=""), Reason.EMPTY_PROMPT),
    (ranked(rejected="Good morning!"), Reason.SAME_ANSWERS),
    (ranked_chat(chosen=said("gpt", "What?")), Reason.SAME_ANSWERS),
    (ranked_chat(chosen=said("human", "a")), Reason.ASKING_ANSWER),
    (ranked_chat(chosen=said("gpt", "")), Reason.EMPTY_ANSWER),
    (liked(output=None), Reason.PRAISED_NOTHING),
    (liked(output=""), Reason.PRAISED_NOTHING),
    (liked(output="", kto_tag=False), Reason.EMPTY_ANSWER),
    (liked_chat(("human", "a"), ("gpt", None)), Reason.PRAISED_NOTHING),
    (liked_chat(("human", "a"), ("function_call", "")), Reason.PRAISED_NOTHING),
    ({"text": ""}, Reason.EMPTY_TEXT),
    ({"text": None}, Reason.EMPTY_TEXT),
    (sharegpt(tools='[{"name": "f"}]'), Reason.TEMPLATE_DECIDES),
    (sharegpt(tools='[{"type": "function", "function": {"name": "f", "parameters": {}}}]'), Reason.TEMPLATE_DECIDES),
    (sharegpt(("human", "a"), ("function_call", f"<think>f?</think>{CALL}")), Reason.TEMPLATE_DECIDES),
]
KEPT: list[dict[str, Any]] = [
    ranked(system="s", history=[["a", "b"]]),
    ranked_chat(("system", None), ("human", "a")),
    ranked_chat(chosen=said("function_call", CALL)),
    liked(kto_tag=False),
    liked_chat(kto_tag=False),
    *[sharegpt(tools=tools) for tools in (TOOLS, "", None, "[]", "{}", '""')],
    sharegpt(tools=f'[{{"type": "function", "function": {TOOLS[1:-1]}}}]'),
    sharegpt(("human", "a"), ("function_call", f"<think>\nf?\n</think>\n\n[{CALL}]")),
    sharegpt(("human", "a"), ("function_call", f"so: <tool_call>{CALL}</tool_call>")),
    alpaca(tools=TOOLS),
]
