"""Data sets that lie on a cluster, and are checked there.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: SQLite's copy of `datasets` would break the references of jobs to it.
    op.add_column('datasets', sa.Column('status', sa.String(length=16), server_default='ready', nullable=False))
    op.add_column('datasets', sa.Column('cluster', sa.String(length=32), nullable=True))
    op.add_column('datasets', sa.Column('cluster_path', sa.String(length=1000), nullable=True))
    op.add_column('datasets', sa.Column('check_job', sa.String(length=32), nullable=True))
    op.add_column('datasets', sa.Column('findings', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"), nullable=True))
    op.add_column('datasets', sa.Column('head', sa.LargeBinary(), nullable=True))
    op.create_index(op.f('ix_datasets_check_job'), 'datasets', ['check_job'], unique=False)


def downgrade() -> None:
    # A version that knows no checks would take these for contents: they are put among the deleted ones.
    op.execute("UPDATE datasets SET deleted_at = created_at WHERE status <> 'ready' AND deleted_at IS NULL")
    op.drop_index(op.f('ix_datasets_check_job'), table_name='datasets')
    op.drop_column('datasets', 'head')
    op.drop_column('datasets', 'findings')
    op.drop_column('datasets', 'check_job')
    op.drop_column('datasets', 'cluster_path')
    op.drop_column('datasets', 'cluster')
    op.drop_column('datasets', 'status')
