"""A checkpoint of another job to go on from, variables of a job's own, failures of nodes, GPUs by type.

Revision 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')


def upgrade() -> None:
    op.add_column('jobs', sa.Column('resume_job', sa.String(length=32), nullable=True))
    op.add_column('jobs', sa.Column('resume_checkpoint', sa.Integer(), nullable=True))
    op.add_column('jobs', sa.Column('environment', JSON, nullable=True))
    op.create_table(
        'node_faults',
        sa.Column(
            'id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), primary_key=True, autoincrement=True
        ),
        sa.Column('cluster', sa.String(length=32), nullable=False),
        sa.Column('node', sa.String(length=100), nullable=False),
        sa.Column('job_id', sa.String(length=32), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('message', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_node_faults'),
    )
    op.create_index('ix_node_faults_cluster_at', 'node_faults', ['cluster', 'at'])
    _describe_anew()


def downgrade() -> None:
    _describe_anew()
    op.drop_table('node_faults')
    op.drop_column('jobs', 'environment')
    op.drop_column('jobs', 'resume_checkpoint')
    op.drop_column('jobs', 'resume_job')


def _describe_anew() -> None:
    """Until a cluster describes itself, at once: GPUs are told by type, in another form than before."""
    op.execute('UPDATE clusters SET snapshot = NULL, snapshot_at = NULL')
