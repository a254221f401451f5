"""Settings that rule people, in the record of changes: written at a start that has others than the last one."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import transaction
from tuning.people.audit import SERVICE, Change, newest, record
from tuning.settings import Settings

_KIND, _SUBJECT = "settings", "server"
_OF_THE_MACHINE = frozenset({"port", "feed_interval_seconds", "log_level"})
_log = logging.getLogger(__name__)


def record_settings(sessions: sessionmaker[Session], settings: Settings, now: datetime) -> None:
    """Write the settings into the record where they differ from those last written; not while the database is away."""
    try:
        with transaction(sessions) as session:
            _record(session, ruling_settings(settings), now)
    except DATABASE_TROUBLE as error:
        _log.warning("the settings could not be recorded: %s", complaint(error), extra={"action": "settings"})


def ruling_settings(settings: Settings) -> dict[str, Any]:
    """Numbers, yes and no, and words of a fixed list: no address, no path, no secret."""
    words = {"visible_jobs": settings.visible_jobs}
    values = settings.model_dump()
    numbers = {name: value for name, value in values.items() if isinstance(value, bool | int | float)}
    return {**words, **{name: value for name, value in numbers.items() if name not in _OF_THE_MACHINE}}


def _record(session: Session, values: Mapping[str, Any], now: datetime) -> None:
    last = newest(session, _KIND, _SUBJECT)
    before = last.after if last is not None else None
    if before != values:
        record(session, SERVICE, Change("settings.changed", _KIND, _SUBJECT, before, values), now)
