"""Words for a database that cannot be used."""

from sqlalchemy import URL

from tuning.db.database_errors import complaint
from tuning.errors import PacktrainError


def unusable(url: URL, error: Exception, hint: str) -> PacktrainError:
    """The error to raise: which database, without its password, and what its driver says."""
    where = url.render_as_string(hide_password=True)
    return PacktrainError(f"the database {where} cannot be used: {complaint(error)}", hint=hint)
