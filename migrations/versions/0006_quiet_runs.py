"""When a run that says nothing is taken to stand still.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: SQLite's copy of a table would take along, by their cascades, all that belongs to its rows.
    op.add_column('attempts', sa.Column('quiet_until', sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f('ix_attempts_quiet_until'), 'attempts', ['quiet_until'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_attempts_quiet_until'), table_name='attempts')
    op.drop_column('attempts', 'quiet_until')
