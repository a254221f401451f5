"""`expires_after` of files and uploads: how long what is made of them is kept."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.http.errors.findings import from_pydantic
from tuning.errors import InvalidInput

FIELDS = {"expires_after[anchor]": "anchor", "expires_after[seconds]": "seconds"}
"""Names of its parts in a form."""


class ExpiresAfter(BaseModel):
    """Time after its upload at which a file is deleted, as soon as no job uses it: between an hour and 30 days."""

    model_config = ConfigDict(extra="forbid")

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=30 * 24 * 3600)


def form_expiry(fields: dict[str, str]) -> int | None:
    """Seconds of a form's `expires_after`; None where it has none. Raises InvalidInput."""
    given = {name: fields[field] for field, name in FIELDS.items() if field in fields}
    if not given:
        return None
    try:
        return ExpiresAfter.model_validate(given).seconds
    except ValidationError as error:
        errors = [
            {**each, "loc": ("body", "expires_after", *each["loc"])} for each in error.errors(include_input=False)
        ]
        raise InvalidInput(from_pydantic(errors, None)) from error
