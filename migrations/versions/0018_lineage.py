"""Jobs are found by the job that they came from: a page shows what was made of one.

Revision 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

_COLUMNS = {'source': 'source_job', 'resume': 'resume_job', 'retry_of': 'retry_of'}


def upgrade() -> None:
    for name, column in _COLUMNS.items():
        given = sa.text(f'{column} IS NOT NULL')
        op.create_index(f'ix_jobs_{name}', 'jobs', [column], postgresql_where=given, sqlite_where=given)


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_index(f'ix_jobs_{name}', table_name='jobs')
