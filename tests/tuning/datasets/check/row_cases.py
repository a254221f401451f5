"""Rows and files of text data, each with what becomes of it; each was run through LLaMA-Factory 0.9.5 itself."""

import json
from typing import Any

from tests.tuning.datasets.files import alpaca, messages, sharegpt, weighted
from tuning.datasets.check.issues import Reason

GOOD = (("human", "a"), ("gpt", "b"))
FIRST_PIECE = [alpaca(instruction="x" * 100_000)] * 110  # more than the 10 MiB that settle columns and types
FIRST_PIECE_BESIDE = [{**row, "history": [], "score": 1, "seen": None} for row in FIRST_PIECE]
DROPPED: list[tuple[dict[str, Any], dict[str, Any], Reason]] = [
    (alpaca(), {"instruction": "a", "input": "b"}, Reason.NO_ANSWER),
    (alpaca(), alpaca(output=None), Reason.NO_ANSWER),
    (sharegpt(), {"conversations": []}, Reason.EMPTY_MESSAGES),
    (sharegpt(), sharegpt(("system", "s")), Reason.EMPTY_MESSAGES),
    (sharegpt(), sharegpt(("human", "a"), ("human", "b")), Reason.ROLES_OUT_OF_ORDER),
    (sharegpt(), sharegpt(("gpt", "a"), ("human", "b")), Reason.ROLES_OUT_OF_ORDER),
    (sharegpt(), sharegpt(*GOOD, ("system", "s"), *GOOD), Reason.ROLES_OUT_OF_ORDER),
    (sharegpt(), sharegpt(*GOOD, ("human", "c")), Reason.ENDS_WITH_USER),
    (sharegpt(), sharegpt(("customer", "a"), ("gpt", "b")), Reason.UNKNOWN_ROLE),
    (sharegpt(), sharegpt((None, "a"), ("gpt", "b")), Reason.NO_ROLE),
    (sharegpt(), {"conversations": [{"value": "a"}, {"from": "gpt", "value": "b"}]}, Reason.NO_ROLE),
    (sharegpt(), sharegpt(("human", None), ("human", "b")), Reason.ROLES_OUT_OF_ORDER),
    (messages(), messages(("user", "a"), (None, "b")), Reason.NO_ROLE),
    (messages(), messages(("user", "a"), ("developer", "b")), Reason.UNKNOWN_ROLE),
]
JOB_FAILS: list[tuple[dict[str, Any], Any, Reason]] = [
    (alpaca(), alpaca(output=3), Reason.TYPE_CHANGES),
    (alpaca(), alpaca(output=["x"]), Reason.TYPE_CHANGES),
    (alpaca(output=3), alpaca(output=4), Reason.WRONG_TYPE),
    (alpaca(instruction=["a"]), alpaca(instruction=["b"]), Reason.WRONG_TYPE),
    (alpaca(system=1), alpaca(system=2), Reason.WRONG_TYPE),
    (alpaca(score=1), alpaca(score="1"), Reason.TYPE_CHANGES),
    (alpaca(score=True), alpaca(score=1), Reason.TYPE_CHANGES),
    (alpaca(note={"a": [1]}), alpaca(note={"a": ["1"]}), Reason.TYPE_CHANGES),
    (alpaca(note=[1, "a"]), alpaca(), Reason.TYPE_CHANGES),
    (alpaca(), alpaca(note=json.loads("[" * 90 + "]" * 90)), Reason.TOO_DEEP),
    (alpaca(history=[["a", "b"]]), alpaca(history=[["a", "b", "c"]]), Reason.BAD_HISTORY),
    (alpaca(history=[["a", "b"]]), alpaca(history=[["a", None]]), Reason.BAD_HISTORY),
    (alpaca(), ["no", "object"], Reason.NOT_AN_OBJECT),
    (sharegpt(), {"conversations": None}, Reason.NO_MESSAGES),
    (sharegpt(), {"other": 1}, Reason.NO_MESSAGES),
    (sharegpt(), {"conversations": [None]}, Reason.NO_MESSAGES),
    (sharegpt(), {"conversations": "a"}, Reason.TYPE_CHANGES),
    (sharegpt(), sharegpt(("human", None), ("gpt", "b")), Reason.NULL_CONTENT),
    (sharegpt(), {"conversations": [{"from": "human"}, {"from": "gpt", "value": "b"}]}, Reason.NULL_CONTENT),
    (sharegpt(), sharegpt((1, "a"), ("gpt", "b")), Reason.TYPE_CHANGES),
    (messages(), messages(("user", [{"type": "text", "text": "a"}]), ("assistant", "b")), Reason.TYPE_CHANGES),
    (sharegpt(), sharegpt(("human", "a"), ("function_call", "f(x)")), Reason.BAD_FUNCTION_CALL),
    (sharegpt(), sharegpt(("human", "a"), ("function_call", '{"name": "f"}')), Reason.BAD_FUNCTION_CALL),
]
KEPT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (alpaca(), {"instruction": "a", "output": "b"}),
    (alpaca(), alpaca(system=None, history=None)),
    (alpaca(score=1), alpaca(score=1.5)),
    (alpaca(note={"a": 1}), alpaca(note={"b": 1})),
    (alpaca(note=None), alpaca(note="a")),
    (alpaca(history=[]), alpaca(history=[["a", "b"]])),
    (sharegpt(), sharegpt(("system", None), *GOOD)),
    (sharegpt(), sharegpt(*GOOD, system="s")),
    (sharegpt(), {"conversations": [{"from": "human", "value": "a", "id": 1}, {"from": "gpt", "value": "b"}]}),
    (
        sharegpt(),
        sharegpt(
            ("human", "a"),
            ("function_call", '<think>\nf?\n</think>\n\n[{"name": "f", "arguments": {}}]'),
            ("observation", "1"),
            ("gpt", "b"),
        ),
    ),
    (messages(), messages(("user", "a"), ("assistant", "b"), ("tool", "c"), ("assistant", "d"))),
    (alpaca(score=1.5), alpaca(score=float("nan"))),
    ({"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}),
    (messages(("user", "a"), ("model", "b")), messages(("user", "c"), ("model", "d"))),
]
BROKEN_LINES: list[tuple[bytes, str]] = [
    (b'{"instruction": }', "row 2 (line 3): not valid JSON (column 17: Expecting value)"),
    (b'{"instruction":', "row 2 (line 3): not valid JSON (column 16: Expecting value)"),
    (b"{'instruction': 1}", "row 2 (line 3): not valid JSON (column 2: Expecting property name enclosed in double"),
    (b'{"instruction": "a"}, ', "row 2 (line 3): not valid JSON (column 21: Extra data)"),
    (b'{"instruction": "caf\xe9"}', "row 2 (line 3): not UTF-8 (byte 0xe9 (byte 117 of the file))"),
    (b'{"instruction": -Infinity}', "row 2 (line 3): not valid JSON (-Infinity is no JSON)"),
    (b'{"instruction": "a\tb"}', "row 2 (line 3): not valid JSON (column 19: Invalid control character at)"),
    (b'{"instruction": "a\\ud800b"}', "row 2 (line 3): half of a surrogate pair in an escape"),
    (b'{"note": {"\\uD83D": 1}}', "row 2 (line 3): half of a surrogate pair in an escape"),
    (b'{"input": "a", "input": "b"}', "row 2 (line 3): the same key twice in one object ('input')"),
    (b"[" * 100_000 + b"]" * 100_000, "row 2 (line 3): nested too deeply"),
    (b'{"note": ' + b"9" * 5000 + b"}", "row 2 (line 3): not valid JSON (Exceeds the limit"),
    (b"\x00", "row 2 (line 3): not valid JSON (column 1: Expecting value)"),
]
BROKEN_FILES: list[tuple[bytes, str]] = [
    (b'[\n{"output": "b"},\n{"output": }\n]', "row 2 (line 3): not valid JSON (column 12: Expecting value)"),
    (b'[\n{"output": "b"},\n]', "row 2 (line 3): not valid JSON (column 1: Expecting value)"),
    (b'[\n{"output": "b"},\n', "row 2 (line 3): not valid JSON (column 1: Expecting value)"),
    (b'[\n{"output": "b"} {}]', "row 1 (line 2): not valid JSON (column 17: expected ']')"),
    (b'[\n{"output": "b"}', "row 1 (line 2): not valid JSON (column 16: expected ']')"),
    (b'[{"output": "b"}]\n[]', "row 1 (line 2): not valid JSON (column 1: more text behind the array)"),
    (b'\xef\xbb\xbf[{"output": "b"}]', "row 1 (line 1): not valid JSON (column 1: a byte order mark before"),
    (b'[{"output": "b"},\n{"output": "\xe9"}]', "row 1 (line 2): not UTF-8 (byte 0xe9 (byte 30 of the file))"),
    (b'[{"output": Infinity}]', "row 1 (line 1): not valid JSON (Infinity is no JSON)"),
    (b'[{"output": "\\udead"}]', "row 1 (line 1): half of a surrogate pair in an escape"),
    (b'[{"n": 18446744073709551616}]', "row 1 (line 1): not valid JSON (a number of more than 64 bits"),
    (b"[" * 100_000, "row 1 (line 1): nested too deeply"),
    (b"[]", "there is not one row in the file"),
    (b"[ ", "row 1 (line 1): not valid JSON (column 3: Expecting value)"),
    (b"[1, 2]", "row 1 (line 1): a row that is no JSON object"),
    (b"", "there is not one row in the file"),
    (b"\n \r\n", "there is not one row in the file"),
    (b"PAR1\x15\x04", "this is a Parquet file, not JSON"),
    (b"\x1f\x8b\x08\x00", "this is a gzip file, not JSON"),
    ("[{}]".encode("utf-16"), "this is UTF-16 text, not JSON"),
    (b"instruction and output\na and b\n", "row 1 (line 1): not valid JSON (column 1: Expecting value)"),
]
DOUBTED: list[tuple[dict[str, Any], Reason]] = [
    (alpaca(output=""), Reason.EMPTY_ANSWER),
    (alpaca(instruction="", input=None), Reason.EMPTY_PROMPT),
    (sharegpt(("human", "a"), ("gpt", "")), Reason.EMPTY_ANSWER),
    (weighted(0, 1), Reason.UNTRAINED_HISTORY),
    (weighted(0, None), Reason.UNTRAINED_HISTORY),
]
FORBIDDEN: list[tuple[dict[str, Any], Reason]] = [
    (weighted(0), Reason.UNTRAINED_END),
    (weighted(1, 0), Reason.UNTRAINED_END),
    (weighted(0, 1, 1), Reason.MIXED_WEIGHTS),
    (weighted(None, 0, 1), Reason.MIXED_WEIGHTS),
]
"""LLaMA-Factory would train on it, against what it says itself."""
LATE: list[dict[str, Any]] = [
    {"instruction": "a", "output": "b", "input": "c", "note": 1},
    alpaca(history=[["a", "b"]]),
    alpaca(score=1.5),
    alpaca(seen="now"),
]
DATED: list[tuple[dict[str, Any], str]] = [
    (sharegpt(("human", "2026-11-21"), ("gpt", "2026-11-22")), "conversations"),
    (sharegpt(system="2026-11-21"), "system"),
    (alpaca(system="2026-11-21"), "system"),
    (alpaca(history=[["2026-11-21", "2026-11-22"]]), "history"),
]
