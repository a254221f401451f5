"""Webhooks and their deliveries.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'webhooks',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('user_id', sa.String(length=32), nullable=False),
        sa.Column('team_id', sa.String(length=32), nullable=True),
        sa.Column('job_id', sa.String(length=32), nullable=True),
        sa.Column('kind', sa.String(length=16), nullable=False),
        sa.Column('url', sa.String(length=2000), nullable=False),
        sa.Column('events', JSON, nullable=False),
        sa.Column('secret', sa.LargeBinary(), nullable=True),
        sa.Column('old_secret', sa.LargeBinary(), nullable=True),
        sa.Column('old_secret_until', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('failing_since', MOMENT, nullable=True),
        sa.Column('last_failure_at', MOMENT, nullable=True),
        sa.Column('paused_until', MOMENT, nullable=True),
        sa.Column('disabled_at', MOMENT, nullable=True),
        sa.Column('disabled_reason', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_webhooks_user_id_users'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_webhooks_team_id_teams'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_webhooks_job_id_jobs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
    )
    op.create_index(op.f('ix_webhooks_user_id'), 'webhooks', ['user_id'])
    op.create_index(op.f('ix_webhooks_team_id'), 'webhooks', ['team_id'])
    op.create_index(op.f('ix_webhooks_job_id'), 'webhooks', ['job_id'])
    _create_deliveries()


def _create_deliveries() -> None:
    op.create_table(
        'deliveries',
        sa.Column(
            'number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), primary_key=True, autoincrement=True
        ),
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('webhook_id', sa.String(length=32), nullable=False),
        sa.Column('job_id', sa.String(length=32), nullable=True),
        sa.Column('event', sa.String(length=32), nullable=False),
        sa.Column('payload', JSON, nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('next_try_at', MOMENT, nullable=False),
        sa.Column('give_up_at', MOMENT, nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('claim', sa.String(length=64), nullable=True),
        sa.Column('claimed_until', MOMENT, nullable=True),
        sa.Column('last_attempt_at', MOMENT, nullable=True),
        sa.Column('last_status', sa.Integer(), nullable=True),
        sa.Column('last_error', sa.Text(), nullable=True),
        sa.Column('delivered_at', MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ['webhook_id'], ['webhooks.id'], name=op.f('fk_deliveries_webhook_id_webhooks'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_deliveries_job_id_jobs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('number', name=op.f('pk_deliveries')),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_deliveries_id', 'deliveries', ['id'], unique=True)
    op.create_index(op.f('ix_deliveries_job_id'), 'deliveries', ['job_id'])
    op.create_index(op.f('ix_deliveries_created_at'), 'deliveries', ['created_at'])
    op.create_index('ix_deliveries_webhook_id_number', 'deliveries', ['webhook_id', 'number'])
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        'ix_deliveries_waiting',
        'deliveries',
        ['webhook_id', 'job_id', 'number'],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table('deliveries')
    op.drop_table('webhooks')
