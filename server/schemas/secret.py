"""Secrets as answers show them, without their values."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from tuning.secrets.models import Secret


class SecretInfo(BaseModel):
    """A secret, without its value."""

    name: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Secret) -> Self:
        """From its row."""
        return cls(name=row.name, created_at=row.created_at, updated_at=row.updated_at)
