"""The settings that rule people, as the record of changes has them."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from server.recorded_settings import record_settings, ruling_settings
from tests.factories import NOON
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.people.audit import AuditFilter, entries
from tuning.settings import Settings


def changes(sessions: sessionmaker[Session]) -> list[tuple[datetime, str, object, object]]:
    with transaction(sessions) as session:
        found = entries(session, AuditFilter(action_prefix="settings."), 10)
        name = "visible_jobs"
        return [(each.at, each.actor, (each.before or {}).get(name), (each.after or {})[name]) for each in found]


def test_settings_are_recorded_when_they_differ_from_the_last(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    for visible in ("everybody", "everybody", "team", "team"):
        record_settings(sessions, settings.model_copy(update={"visible_jobs": visible}), NOON)
    assert changes(sessions) == [
        (NOON, "packtrain", "everybody", "team"),
        (NOON, "packtrain", None, "everybody"),
    ]


def test_no_secret_and_no_address_is_among_them(settings: Settings) -> None:
    values = ruling_settings(settings)
    assert values["priority_of_members"] == settings.priority_of_members
    assert not {"secrets_key", "database_url", "data_dir", "clusters_file", "host"} & values.keys()


def test_a_start_goes_on_while_there_is_no_database(empty_database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = open_engine(empty_database_url)
    record_settings(open_sessions(engine), Settings(database_url=empty_database_url), NOON)
    engine.dispose()
    assert "could not be recorded" in caplog.text
