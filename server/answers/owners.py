"""Owners by the names that filters give."""

from sqlalchemy.orm import Session

from tuning.errors import Finding, InvalidInput
from tuning.people.queries import user_by_name


def owner_id_of(session: Session, name: str) -> str:
    """Id of a user. Raises InvalidInput: a misspelt name would show that somebody has nothing."""
    owner = user_by_name(session, name)
    if owner is None:
        hint = "give the name as it stands beside what that user has"
        raise InvalidInput([Finding(("query", "owner"), f"there is no user {name}", hint)])
    return owner.id
