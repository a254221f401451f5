"""Contents that nobody needs leave the server's disk: of data sets that were deleted or expired, of broken-off uploads.

Done by the server, when a data set is deleted and before one is uploaded: it is the one that fills the disk, and that
is when somebody waits for room. A content is needed by a data set that is not deleted, and by a job that has not ended.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from tuning.datasets import repository
from tuning.datasets.part_uploads import remove_ended
from tuning.datasets.storage.store import ContentStore

UPLOAD_GRACE = timedelta(minutes=10)
"""An upload puts its content into the store, and a moment later its row into the database."""

log = logging.getLogger(__name__)


def collect_unused(session: Session, store: ContentStore, in_use: ColumnElement[bool], now: datetime) -> int:
    """Remove what nobody needs and nobody uploaded within the grace; returns how many contents that were.

    Data sets that have expired are deleted first, and uploads in parts that nobody goes on with are removed.

    Safe beside an upload of the same content: it makes the content young again under the store's lock, under which its
    age is looked at once more before it is removed.
    """
    repository.delete_expired(session, in_use, now)
    remove_ended(session, store, now)
    moment = now - UPLOAD_GRACE
    needed = repository.needed_contents(session, in_use)
    unneeded = [content for content in store.untouched_since(moment) if content.sha256 not in needed]
    removed = [content for content in unneeded if store.remove_untouched(content, moment)]
    for content in removed:
        log.info("removed %s", content.sha256, extra={"action": "content_removed"})
    return len(removed)
