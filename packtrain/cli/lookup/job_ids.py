"""A job's id from the words of a command line: whole, its beginning, or @last."""

import re
from typing import TYPE_CHECKING

from packtrain.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from packtrain.client import Packtrain
    from packtrain.schema import Job

LAST = "@last"
_PREFIX = "job_"
_LETTERS = 20
_BEGINNING = re.compile(r"(?:job_)?([0-9a-z]+)")
_MOST_SHOWN = 10
_HINT = "`packtrain list` shows them; @last is your newest"


def find_job(api: "Packtrain", word: str) -> str:
    """The id that a word means. Nothing is asked for a whole one. Raises InvalidInput."""
    if word == LAST:
        return _newest(api)
    match = _BEGINNING.fullmatch(word)
    if match is None:
        raise _refusal(f"`{word}` is no job's id", _HINT)
    if len(match[1]) >= _LETTERS:
        return _PREFIX + match[1]
    return _only(_PREFIX + match[1], _beginning(api, _PREFIX + match[1]))


def find_jobs(api: "Packtrain", words: list[str]) -> list[str]:
    """The ids that words mean, each once. Raises InvalidInput."""
    return list(dict.fromkeys(find_job(api, word) for word in words))


def _newest(api: "Packtrain") -> str:
    name = api.me()["name"]
    newest = api.jobs(limit=1, owner=name)["data"]
    if not newest:
        raise _refusal(f"{name} has no job yet: there is no {LAST}", "queue one with `packtrain submit`")
    return newest[0]["id"]


def _beginning(api: "Packtrain", start: str) -> "list[Job]":
    found = api.jobs(limit=2 * _MOST_SHOWN, q=start)["data"]
    return [job for job in found if job["id"].startswith(start)]


def _only(start: str, found: "list[Job]") -> str:
    if not found:
        raise _refusal(f"no job's id begins with {start}", _HINT)
    if len(found) > 1:
        named = ", ".join(f"{job['id']} ({job['name']})" for job in found[:_MOST_SHOWN])
        raise _refusal(f"several ids begin with {start}: {named}", "give more of the one that you mean")
    return found[0]["id"]


def _refusal(message: str, hint: str) -> InvalidInput:
    return InvalidInput([Finding((), message, hint)])
