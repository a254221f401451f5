"""Jobs of a team are walked in the orders of lists: where members see their teams' jobs, a page costs the same.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_jobs_team_id_created_at_id', 'jobs', ['team_id', 'created_at', 'id'], unique=False)
    by_priority: list[str | sa.TextClause] = ['team_id', sa.text('priority DESC'), 'created_at', 'id']
    op.create_index('ix_jobs_team_id_by_priority', 'jobs', by_priority, unique=False)


def downgrade() -> None:
    op.drop_index('ix_jobs_team_id_by_priority', table_name='jobs')
    op.drop_index('ix_jobs_team_id_created_at_id', table_name='jobs')
