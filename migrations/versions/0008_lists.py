"""Pages of jobs without looking through the table, by every filter and in every order.

Revision 0008, after 0007.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FILTERS = ('status', 'owner_id', 'kind', 'cluster')

# The names beside the jobs, to look for a part of one: a job's row is written with every step of its run, and an index
# of trigrams on it would be too. The table is kept by the database itself, so that no program has to remember it.
NAMES_ON_POSTGRESQL = (
    'CREATE EXTENSION IF NOT EXISTS pg_trgm',
    """CREATE TABLE job_names (
        job_id VARCHAR(32) NOT NULL CONSTRAINT pk_job_names PRIMARY KEY
            CONSTRAINT fk_job_names_job_id_jobs REFERENCES jobs (id) ON DELETE CASCADE,
        name VARCHAR(200) NOT NULL
    )""",
    'INSERT INTO job_names (job_id, name) SELECT id, name FROM jobs',
    'CREATE INDEX ix_job_names_trigrams ON job_names USING gin (name gin_trgm_ops)',
    """CREATE FUNCTION keep_job_name() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO job_names (job_id, name) VALUES (new.id, new.name)
        ON CONFLICT (job_id) DO UPDATE SET name = excluded.name;
        RETURN NULL;
    END $$""",
    'CREATE TRIGGER keep_job_name AFTER INSERT OR UPDATE OF name ON jobs FOR EACH ROW EXECUTE FUNCTION keep_job_name()',
)
# `name LIKE old.name` is true of that name, whatever is in it, and finds it by its trigrams.
_FORGET = 'DELETE FROM job_names WHERE name LIKE old.name AND job_id = old.id;'
_KEEP = 'INSERT INTO job_names (job_id, name) VALUES (new.id, new.name);'
NAMES_ON_SQLITE = (
    "CREATE VIRTUAL TABLE job_names USING fts5(job_id UNINDEXED, name, tokenize = 'trigram')",
    'INSERT INTO job_names (job_id, name) SELECT id, name FROM jobs',
    f'CREATE TRIGGER keep_job_name AFTER INSERT ON jobs BEGIN {_KEEP} END',
    f'CREATE TRIGGER change_job_name AFTER UPDATE OF name ON jobs BEGIN {_FORGET} {_KEEP} END',
    f'CREATE TRIGGER forget_job_name AFTER DELETE ON jobs BEGIN {_FORGET} END',
)
NO_NAMES_ON_POSTGRESQL = ('DROP TRIGGER keep_job_name ON jobs', 'DROP FUNCTION keep_job_name', 'DROP TABLE job_names')
NO_NAMES_ON_SQLITE = (
    *(f'DROP TRIGGER {name}_job_name' for name in ('keep', 'change', 'forget')),
    'DROP TABLE job_names',
)


def upgrade() -> None:
    # On both databases a column that may not be null needs a value for the rows that are there.
    moment = sa.DateTime(timezone=True)
    op.add_column('job_tags', sa.Column('created_at', moment, server_default='1970-01-01 00:00:00', nullable=False))
    op.add_column('job_tags', sa.Column('priority', sa.Integer(), server_default='0', nullable=False))
    for column in ('created_at', 'priority'):
        op.execute(f'UPDATE job_tags SET {column} = (SELECT jobs.{column} FROM jobs WHERE jobs.id = job_tags.job_id)')
    op.drop_index('ix_job_tags_key_value', table_name='job_tags')
    op.create_index(
        'ix_job_tags_key_value_created_at_job_id', 'job_tags', ['key', 'value', 'created_at', 'job_id'], unique=False
    )
    by_priority: list[str | sa.TextClause] = [sa.text('priority DESC'), 'created_at']
    op.create_index('ix_job_tags_by_priority', 'job_tags', ['key', 'value', *by_priority, 'job_id'], unique=False)
    op.drop_index('ix_jobs_status_created_at', table_name='jobs')
    op.drop_index('ix_jobs_owner_id_created_at', table_name='jobs')
    op.create_index('ix_jobs_by_priority', 'jobs', [*by_priority, 'id'], unique=False)
    for column in FILTERS:
        op.create_index(f'ix_jobs_{column}_created_at_id', 'jobs', [column, 'created_at', 'id'], unique=False)
        op.create_index(f'ix_jobs_{column}_by_priority', 'jobs', [column, *by_priority, 'id'], unique=False)
    op.create_index(op.f('ix_jobs_slurm_job_id'), 'jobs', ['slurm_job_id'], unique=False)
    run(NAMES_ON_POSTGRESQL if op.get_bind().dialect.name == 'postgresql' else NAMES_ON_SQLITE)


def downgrade() -> None:
    run(NO_NAMES_ON_POSTGRESQL if op.get_bind().dialect.name == 'postgresql' else NO_NAMES_ON_SQLITE)
    op.drop_index(op.f('ix_jobs_slurm_job_id'), table_name='jobs')
    for column in FILTERS:
        op.drop_index(f'ix_jobs_{column}_by_priority', table_name='jobs')
        op.drop_index(f'ix_jobs_{column}_created_at_id', table_name='jobs')
    op.drop_index('ix_jobs_by_priority', table_name='jobs')
    op.create_index('ix_jobs_owner_id_created_at', 'jobs', ['owner_id', 'created_at'], unique=False)
    op.create_index('ix_jobs_status_created_at', 'jobs', ['status', 'created_at'], unique=False)
    op.drop_index('ix_job_tags_by_priority', table_name='job_tags')
    op.drop_index('ix_job_tags_key_value_created_at_job_id', table_name='job_tags')
    op.create_index('ix_job_tags_key_value', 'job_tags', ['key', 'value'], unique=False)
    op.drop_column('job_tags', 'priority')
    op.drop_column('job_tags', 'created_at')


def run(statements: Iterable[str]) -> None:
    """Alembic has no words for these."""
    for statement in statements:
        op.execute(statement)
