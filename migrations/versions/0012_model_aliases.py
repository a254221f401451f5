"""Further names of a catalogue's models.

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'model_aliases',
        sa.Column('cluster', sa.String(length=32), nullable=False),
        sa.Column('alias', sa.String(length=200), nullable=False),
        sa.Column('model', sa.String(length=200), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('cluster', 'alias', name='pk_model_aliases'),
    )


def downgrade() -> None:
    op.drop_table('model_aliases')
