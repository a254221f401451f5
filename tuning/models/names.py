"""Names of results: `ft:<base>:<team>:<suffix>:<id>`, and of a checkpoint `...:ckpt-step-<step>`. Pure.

A name is found by its last part; the parts before it are words for people, so that an old name of a renamed job holds.
"""

import re
from dataclasses import dataclass

MOST_CHARACTERS = 300
"""Of a whole name: longer than any that is made here."""
_PREFIX = "ft"
_CHECKPOINT = "ckpt-step-"
_LONGEST_PART = 64
_LARGEST_STEP = 2**31 - 1
_NAME = re.compile(rf"{_PREFIX}(?::[^:]*){{3}}:([a-z0-9]{{1,28}})(?::{_CHECKPOINT}([1-9][0-9]{{0,9}}))?")
_NOT_IN_A_BASE = re.compile(r"[^A-Za-z0-9._/@+=~-]+")
_NOT_IN_A_WORD = re.compile(r"[^A-Za-z0-9._-]+")
_SOURCE = re.compile(r"jobs/(job_[a-z0-9]{1,28})/output(?:/|$)")
_HUB_FOLDER = re.compile(r"(?:^|/)models--([^/]+?)--([^/]+)(?:/|$)")


@dataclass(frozen=True)
class ResultName:
    """Job and checkpoint that a name means; without a checkpoint the final model."""

    job_id: str
    checkpoint: int | None = None


def result_name(result: ResultName, base: str, team: str, suffix: str) -> str:
    """The name of what a job left: its base model (a path or hub id), team and name are made into safe words."""
    parts = [_PREFIX, base_word(base), _word(team), _word(suffix), result.job_id.removeprefix("job_")]
    if result.checkpoint is not None:
        parts.append(f"{_CHECKPOINT}{result.checkpoint}")
    return ":".join(parts)


def parse_name(name: str) -> ResultName | None:
    """The result that a name means; None for a text that is no name of a result."""
    found = _NAME.fullmatch(name) if len(name) <= MOST_CHARACTERS else None
    if found is None:
        return None
    checkpoint = int(found[2]) if found[2] else None
    if checkpoint is not None and checkpoint > _LARGEST_STEP:
        return None
    return ResultName(f"job_{found[1]}", checkpoint)


def base_word(model: str) -> str:
    """The base model's part of a name: a hub id as it is, of a path the last folder, of another job's model its id."""
    if (source := _SOURCE.search(model)) is not None:
        return source[1]
    if (hub := _HUB_FOLDER.search(model)) is not None:
        model = f"{hub[1]}/{hub[2]}"
    elif model.startswith("/"):
        model = model.rstrip("/").rpartition("/")[2]
    return _NOT_IN_A_BASE.sub("-", model)[:_LONGEST_PART].strip("/-")


def _word(text: str) -> str:
    """A text as one safe word; empty where nothing of it is safe."""
    return _NOT_IN_A_WORD.sub("-", text)[:_LONGEST_PART].strip("-.")
