"""Runs that go on: what they go on after, wishes to hold and to save, how attempts ended.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: SQLite's copy of a table would take along, by their cascades, all that belongs to its rows.
    op.add_column('jobs', sa.Column('continuation', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"), nullable=True))
    op.add_column('jobs', sa.Column('cancel_saves', sa.Boolean(), nullable=True))
    op.add_column('jobs', sa.Column('hold_requested_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('attempts', sa.Column('ended_by', sa.String(length=16), nullable=True))
    op.add_column('attempts', sa.Column('resumed_step', sa.Integer(), nullable=True))
    op.add_column('attempts', sa.Column('stop_sent_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('attempts', 'stop_sent_at')
    op.drop_column('attempts', 'resumed_step')
    op.drop_column('attempts', 'ended_by')
    op.drop_column('jobs', 'hold_requested_at')
    op.drop_column('jobs', 'cancel_saves')
    op.drop_column('jobs', 'continuation')
