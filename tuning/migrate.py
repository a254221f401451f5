"""The schema's versions: bring a database up to date, or say whether it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tuning.private_files import close_database_to_others, make_database_file

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring a database to a revision, by default the newest; a missing SQLite file and its folder are made."""
    make_database_file(database_url)
    close_database_to_others(database_url)
    command.upgrade(configuration(database_url), revision)


def downgrade(database_url: str, revision: str) -> None:
    """Take a database back to a revision (`base` = nothing is left)."""
    command.downgrade(configuration(database_url), revision)


def head_revision() -> str:
    """The newest revision that this version of packtrain knows."""
    return str(_script().get_current_head())


def knows_revision(revision: str) -> bool:
    """Whether this version can bring a database of that revision up to date."""
    return revision in {script.revision for script in _script().walk_revisions()}


def is_current(connection: Connection) -> bool:
    """Whether the database has every migration that this version of packtrain knows, and no other."""
    heads = _script().get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def require_writable(connection: Connection) -> None:
    """Raise OperationalError where nothing can be written: a replica, a read-only file system, a right taken away.

    A write of no row is checked as any other, and takes no lock of a row.
    """
    connection.execute(text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"))


def is_a_models(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table is one of the models': that of the jobs' names is the migrations' own."""
    return not (kind == "table" and name is not None and name.startswith("job_names"))


def configuration(database_url: str) -> Config:
    """Alembic's configuration: the same wherever packtrain is started from."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))
