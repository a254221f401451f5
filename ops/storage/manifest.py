"""Manifest of a backup: its parts, and what it says of itself.

A tar file: `database.db` (of SQLite alone), `contents/<sha256>.<extension>` for each upload, `secrets_key` where it was
asked for, and at its very end `manifest.json`: a file without it is not whole.
"""

import re
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tuning.datasets.storage.store import ContentName

DATABASE, KEY, MANIFEST = "database.db", "secrets_key", "manifest.json"
_CONTENT = re.compile(r"contents/(?P<sha256>[0-9a-f]{64})\.(?P<extension>jsonl?|tar)")


class Manifest(BaseModel):
    """The last thing in a backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal[1] = 1
    """Of the backup itself: a later one may look otherwise."""
    database: Literal["sqlite", "postgresql"]
    """PostgreSQL's own rows are not in here: pg_dump is its tool."""
    revision: str = Field(max_length=64)
    """The schema's."""
    installation: str | None = Field(max_length=32)
    """Id of the packtrain that it is of; None where no worker has begun yet."""
    taken_at: AwareDatetime


def member_name(content: ContentName) -> str:
    """The name in the file of an upload."""
    return f"contents/{content.sha256}.{content.extension}"


def content_name(member: str) -> ContentName | None:
    """The upload that a name in the file stands for; None for any other name."""
    found = _CONTENT.fullmatch(member)
    return ContentName(found["sha256"], found["extension"]) if found is not None else None
