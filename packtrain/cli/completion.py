"""Completion of ids and names in a shell: from the server where it answers, silent where it does not."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from packtrain.errors import PacktrainError
from packtrain.sanitize import inert_line

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_MOST = 50
_Completions = list[tuple[str, str]]
"""Words, each with a remark that some shells show."""


def complete_jobs(incomplete: str) -> _Completions:
    """Ids of jobs, the newest first, and @last."""

    def found(api: "Packtrain") -> Iterable[tuple[str, str]]:
        page = api.jobs(limit=_MOST, q=incomplete) if incomplete.startswith("job_") else api.jobs(limit=_MOST)
        return ((job["id"], f"{job['status']}  {inert_line(job['name'])}") for job in page["data"])

    return _beginning_with(incomplete, [("@last", "your newest job"), *_asked(found)])


def complete_datasets(incomplete: str) -> _Completions:
    """Ids of data sets, the newest first."""
    found = _asked(lambda api: ((data["id"], inert_line(data["name"])) for data in api.datasets(limit=_MOST)["data"]))
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
            return list(question(api))
    except PacktrainError:  # there is nobody to tell: the shell shows what comes as words
        return []


def _beginning_with(incomplete: str, words: _Completions) -> _Completions:
    return [(word, remark) for word, remark in words if word.startswith(incomplete)]
