"""Served models: which job serves which model, and where it listens.

Revision 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'model_servers',
        sa.Column('job_id', sa.String(length=32), nullable=False),
        sa.Column('cluster', sa.String(length=32), nullable=False),
        sa.Column('model', sa.String(length=300), nullable=False),
        sa.Column('is_newest', sa.Boolean(), nullable=False),
        sa.Column('node', sa.String(length=255), nullable=True),
        sa.Column('address', sa.String(length=255), nullable=True),
        sa.Column('port', sa.Integer(), nullable=True),
        sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('idle_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_model_servers_job_id_jobs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('job_id', name=op.f('pk_model_servers')),
    )
    op.create_index(
        'uq_model_servers_newest',
        'model_servers',
        ['cluster', 'model'],
        unique=True,
        postgresql_where=sa.text('is_newest'),
        sqlite_where=sa.text('is_newest'),
    )


def downgrade() -> None:
    op.drop_index('uq_model_servers_newest', table_name='model_servers')
    op.drop_table('model_servers')
