"""Word of what others wrote, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job, make_user
from tuning.db.engine import NEWS_CHANNEL, transaction
from tuning.db.notify import News, open_news
from tuning.jobs.transition import record_event


@pytest.fixture
def news(engine: Engine) -> Iterator[News]:
    """Listening already, with nothing to be heard of yet."""
    with closing(open_news(engine)) as news:
        while news.wait(0.01):
            pass
        yield news


def write(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = make_job(session, make_user(session))
        record_event(session, job.id, "warning", "something happened", NOON)


def test_nothing_is_heard_when_nobody_writes(news: News) -> None:
    assert not news.wait(0.05)


def test_what_was_written_before_the_wait_is_heard_once(news: News, sessions: sessionmaker[Session]) -> None:
    write(sessions)
    assert news.wait(20)
    assert not news.wait(0.05)


def test_what_is_written_during_the_wait_is_heard(news: News, sessions: sessionmaker[Session]) -> None:
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(news.wait, 20)
        write(sessions)
        assert heard.result()


def test_what_is_rolled_back_is_not_heard(news: News, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        job = make_job(session, make_user(session))
        record_event(session, job.id, "warning", "something happened", NOON)
        session.rollback()
    assert not news.wait(0.05)


def test_a_lost_connection_is_waited_out_and_replaced(
    news: News, engine: Engine, sessions: sessionmaker[Session]
) -> None:
    if engine.dialect.name == "postgresql":
        end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :listen")
        with engine.begin() as connection:
            assert connection.execute(end, {"listen": f"LISTEN {NEWS_CHANNEL}"}).all(), "nobody listened"
    assert not news.wait(0.05)
    assert not news.wait(0.05)
    write(sessions)
    assert news.wait(20)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL tells of the commit itself
def test_a_commit_is_heard_that_is_seen_long_after_its_first_write(
    engine: Engine, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(str(engine.url.database))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:  # the disk has taken its time
            write(sessions)

    with closing(open_news(engine)) as news:
        while news.wait(0.01):
            pass
        monkeypatch.setattr("tuning.db.notify.time.sleep", pause)
        database.with_name("begun").write_bytes(b"a commit's first page")
        assert news.wait(0.2)
