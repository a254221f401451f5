"""Errors of writing to the server's disk: what has no room."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tuning.errors import InvalidInput, StorageFull


class ContentTooLarge(InvalidInput):
    """The content grows beyond the limit."""


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns the errors of a full disk into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        hint = "nothing was kept; tell the operator, who can make room in the data folder"
        raise StorageFull("the server's disk is full", hint=hint) from error
