"""Run by Alembic: which database, and which tables it should have."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON

from tuning.db.engine import UtcDateTime, open_engine
from tuning.migrate import is_a_models
from tuning.settings import Settings
from tuning.tables import METADATA


def migrate() -> None:
    """Migrate the database that tuning.migrate names; for the bare `alembic` command, that of the settings."""
    url = context.config.attributes.get("database_url") or Settings().database_url
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            context.configure(
                connection=connection,
                target_metadata=METADATA,
                render_as_batch=True,  # SQLite alters a table by copying it; a migration has to run on both
                render_item=_render,
                include_name=is_a_models,
            )
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """A migration stands on its own: none of our types, which may change after it was released."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")'
    return False


migrate()
