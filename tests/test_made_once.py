"""Compiled SQL and command trees that the tests of a process share."""

import pytest
import typer
from sqlalchemy import Engine, select
from sqlalchemy.engine.interfaces import CacheStats
from typer.testing import CliRunner

from packtrain.cli.main import app
from tuning.db.engine import open_engine
from tuning.people.models import User


def test_a_statement_that_another_engine_has_compiled_is_found(engine: Engine, database_url: str) -> None:
    another = open_engine(database_url)
    stats = [_compiled(each) for each in (engine, another)]
    another.dispose()
    assert stats[1] is CacheStats.CACHE_HIT


def test_a_command_line_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    CliRunner().invoke(app, ["--version"])
    monkeypatch.setattr(typer.main, "get_group", None)
    assert CliRunner().invoke(app, ["--version"]).exit_code == 0


def _compiled(engine: Engine) -> CacheStats:
    with engine.connect() as connection:
        return connection.execute(select(User.id)).context.cache_hit
