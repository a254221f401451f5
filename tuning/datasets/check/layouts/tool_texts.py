"""Tools and function calls, which LLaMA-Factory wants as JSON in a text (data/formatter.py, data/tool_utils.py)."""

import json
from typing import Any

from tuning.datasets.check.issues import Reason

# The thought that a function call may follow: with the line ends of nearly all templates, and as few of them have it.
_THOUGHT = ("<think>\n", "\n</think>\n\n")
_LOOSE_THOUGHT = ("<think>", "</think>")
_CALL = ("<tool_call>", "</tool_call>")


def why_bad_tools(text: str) -> tuple[Reason, str] | None:
    """Problem in a text of tools that is not empty: no list of objects, or keys missing that templates read.

    LLaMA-Factory looks at it only where it is, and takes an empty list, object or text for no tools.
    """
    tools = _decode(text)
    if tools in ([], {}, ""):
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return Reason.BAD_TOOLS, ""
    bare = not all(_is_described(tool) for tool in tools)
    return (Reason.TEMPLATE_DECIDES, "a tool without a name or parameters.properties") if bare else None


def why_bad_call(content: str, place: str) -> tuple[Reason, str] | None:
    """Problem in the content of a function call: not one call or a list of them, behind a thought or in a mark."""
    marked = _split(content, _CALL)
    if _are_calls(marked[1] if marked else _without(_THOUGHT, content)):
        return None
    if not marked and _are_calls(_without(_LOOSE_THOUGHT, content)):
        return Reason.TEMPLATE_DECIDES, f"{place}: a thought that is not <think>, line end, ..., </think>, empty line"
    return Reason.BAD_FUNCTION_CALL, place


def _without(marks: tuple[str, str], content: str) -> str:
    parts = _split(content, marks)
    return parts[0] + parts[2] if parts else content


def _split(content: str, marks: tuple[str, str]) -> tuple[str, str, str] | None:
    """The text before the first pair of marks, between them, and behind; None where there is no pair.

    It is what the pattern `begin.*?end` finds, in a time that does not grow with the number of begins without an end:
    where the first begin has no end behind it, no later one has.
    """
    before, begin, rest = content.partition(marks[0])
    between, end, behind = rest.partition(marks[1])
    return (before, between, behind) if begin and end else None


def _are_calls(text: str) -> bool:
    calls = _decode(text)
    calls = calls if isinstance(calls, list) else [calls]
    return all(isinstance(call, dict) and "name" in call and "arguments" in call for call in calls)


def _is_described(tool: dict[str, Any]) -> bool:
    described = tool.get("function") if tool.get("type") == "function" else tool
    if not isinstance(described, dict) or "name" not in described:
        return False
    parameters = described.get("parameters")
    return isinstance(parameters, dict) and isinstance(parameters.get("properties"), dict)


def _decode(text: str) -> Any:
    """The value; None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
