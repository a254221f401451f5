import json
import os
import pwd
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from packtrain.cli.main import app
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.errors import NotAuthenticated
from tuning.people.audit import AuditFilter, entries
from tuning.people.tokens import authenticate

Run = Callable[..., Result]
NOW = datetime.now(UTC)


@pytest.fixture
def database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'packtrain.db'}"
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", url)
    return url


@pytest.fixture
def run(database_url: str) -> Run:
    """Run `packtrain` on a migrated database."""

    def run_words(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    assert run_words("migrate").stderr == "the database is up to date\n"
    return run_words


def _who(database_url: str, token: str, now: datetime = NOW) -> tuple[str, bool]:
    engine = open_engine(database_url)
    try:
        with transaction(open_sessions(engine)) as session:
            principal = authenticate(session, token, now)
            return principal.name, principal.is_administrator
    finally:
        engine.dispose()


@pytest.mark.parametrize("words", [(), ("--admin",)])
def test_a_token_works_and_is_all_that_stands_on_stdout(run: Run, database_url: str, words: tuple[str, ...]) -> None:
    result = run("token", "create", "alice", *words)
    assert _who(database_url, result.stdout.rstrip("\n")) == ("alice", bool(words))
    assert result.stderr == "keep it: it is not shown again\n"


def test_what_the_operator_does_is_recorded_with_their_account(run: Run, database_url: str) -> None:
    run("token", "create", "alice")
    token = json.loads(run("token", "list", "--json").stdout)["data"][0]["id"]
    run("token", "revoke", token)
    engine = open_engine(database_url)
    with transaction(open_sessions(engine)) as session:
        found = [(each.action, each.actor, each.address) for each in entries(session, AuditFilter(), 9)]
    engine.dispose()
    shell = ("operator", f"shell of {pwd.getpwuid(os.getuid()).pw_name}")
    assert found == [("token.revoked", *shell), ("token.created", *shell), ("user.created", *shell)]


def test_quiet_prints_nothing_else(run: Run) -> None:
    result = run("token", "create", "alice", "--quiet")
    assert result.output == result.stdout


def test_a_token_ends_after_its_days(run: Run, database_url: str) -> None:
    token = run("token", "create", "ci", "--expires", "90", "--quiet").stdout.strip()
    later = datetime.now(UTC) + timedelta(days=90, seconds=1)
    assert _who(database_url, token, later - timedelta(minutes=1)) == ("ci", False)
    with pytest.raises(NotAuthenticated):
        _who(database_url, token, later)


def test_a_revoked_token_is_out(run: Run, database_url: str) -> None:
    token = run("token", "create", "alice", "--label", "laptop", "--quiet").stdout.strip()
    row = run("token", "list").stdout.splitlines()[1].split()
    assert row[1:4] == ["alice", "submit", "laptop"]
    assert token not in run("token", "list").output
    assert run("token", "revoke", row[0]).exit_code == 0
    with pytest.raises(NotAuthenticated):
        _who(database_url, token)
    again = run("token", "revoke", row[0])
    assert (again.exit_code, again.stderr.splitlines()[0]) == (1, f"error: there is no valid token {row[0]}")


@pytest.mark.parametrize("words", [(), ("--admin",)])
def test_a_token_may_be_made_that_only_reads(run: Run, words: tuple[str, ...]) -> None:
    run("token", "create", "wall", "--scope", "read", *words)
    assert run("token", "list").stdout.splitlines()[1].split()[1:3] == ["wall", "read"]


def test_a_scope_beyond_the_user_is_refused(run: Run) -> None:
    result = run("token", "create", "alice", "--scope", "admin")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "alice is no administrator" in result.stderr


def test_a_name_that_cannot_be_one_is_refused(run: Run) -> None:
    result = run("token", "create", "a b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot be a user's name" in result.stderr


def test_a_user_does_not_become_an_administrator_by_a_token(run: Run) -> None:
    run("token", "create", "alice")
    result = run("token", "create", "alice", "--admin")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "alice is no administrator" in result.stderr


def test_a_database_without_tables_says_what_to_do(database_url: str) -> None:
    result = CliRunner().invoke(app, ["token", "list"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1].endswith("`packtrain migrate` makes its tables")


def test_tokens_as_json(run: Run, database_url: str) -> None:
    made = json.loads(run("token", "create", "alice", "--expires", "9", "--json").stdout)
    assert _who(database_url, made["token"]) == ("alice", False)
    (token,) = json.loads(run("token", "list", "--json").stdout)["data"]
    assert (token["user"], token["scope"], token["expires_at"][:10]) == ("alice", "submit", made["expires_at"][:10])
    assert json.loads(run("token", "revoke", token["id"], "--json").stdout) == {"id": token["id"], "revoked": True}
