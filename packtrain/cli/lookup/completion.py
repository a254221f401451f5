"""Completion of ids and names in a shell: from the server where it answers, silent where it does not."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from packtrain.errors import PacktrainError

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_MOST = 50
_LONGEST_REMARK = 80
_HARMLESS = frozenset(" ._-=+,@")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_Completions = list[tuple[str, str]]
"""Words, each with a remark that some shells show."""


def complete_jobs(incomplete: str) -> _Completions:
    """Ids of jobs, the newest first, and @last."""

    def found(api: "Packtrain") -> Iterable[tuple[str, str]]:
        page = api.jobs(limit=_MOST, q=incomplete) if incomplete.startswith("job_") else api.jobs(limit=_MOST)
        return ((job["id"], f"{job['status']}  {job['name']}") for job in page["data"])

    return _beginning_with(incomplete, [("@last", "your newest job"), *_asked(found)])


def complete_datasets(incomplete: str) -> _Completions:
    """Ids of data sets, the newest first."""
    found = _asked(lambda api: ((data["id"], data["name"]) for data in api.datasets(limit=_MOST)["data"]))
    return _beginning_with(incomplete, found)


def complete_clusters(incomplete: str) -> _Completions:
    """Names of clusters."""
    return _beginning_with(incomplete, _asked(lambda api: ((it["name"], "") for it in api.clusters()["data"])))


def complete_recipes(incomplete: str) -> _Completions:
    """Names of recipes."""
    return _beginning_with(incomplete, _asked(lambda api: ((it["name"], it["title"]) for it in api.recipes()["data"])))


def _asked(question: "Callable[[Packtrain], Iterable[tuple[str, str]]]") -> _Completions:
    from packtrain.client import Packtrain

    try:
        with Packtrain.from_environment() as api:
            return [(word, _plain(remark)) for word, remark in question(api) if _WORD.fullmatch(word)]
    except PacktrainError:  # there is nobody to tell: the shell shows what comes as words
        return []


def _plain(remark: str) -> str:
    """Letters and little else: a shell evaluates what it is given, and names are written by anybody."""
    return "".join(letter if letter.isalnum() or letter in _HARMLESS else " " for letter in remark[:_LONGEST_REMARK])


def _beginning_with(incomplete: str, words: _Completions) -> _Completions:
    return [(word, remark) for word, remark in words if word.startswith(incomplete)]
