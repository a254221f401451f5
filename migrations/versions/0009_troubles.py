"""Steps that failed at one job, and when they are tried again.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        'troubles',
        sa.Column('cluster', sa.String(length=32), nullable=False),
        sa.Column('step', sa.String(length=16), nullable=False),
        sa.Column('subject', sa.String(length=64), nullable=False),
        sa.Column('job_id', sa.String(length=32), nullable=True),
        sa.Column('error', sa.String(length=100), nullable=False),
        sa.Column('message', sa.Text(), nullable=False),
        sa.Column('trace', sa.Text(), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('since', moment, nullable=False),
        sa.Column('next_try_at', moment, nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_troubles_job_id_jobs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('cluster', 'step', 'subject', name=op.f('pk_troubles')),
    )
    op.create_index(op.f('ix_troubles_job_id'), 'troubles', ['job_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_troubles_job_id'), table_name='troubles')
    op.drop_table('troubles')
