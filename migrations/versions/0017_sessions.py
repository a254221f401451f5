"""Sessions of browsers stand beside the tokens: rows of the same table, so that whatever ends a token ends them.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

COLUMNS = ('kind', 'parent_id', 'signed_in_by', 'address', 'user_agent')


def upgrade() -> None:
    op.add_column('tokens', sa.Column('kind', sa.String(length=16), server_default='token', nullable=False))
    op.add_column('tokens', sa.Column('parent_id', sa.String(length=32), nullable=True))
    op.add_column('tokens', sa.Column('signed_in_by', sa.String(length=16), nullable=True))
    op.add_column('tokens', sa.Column('address', sa.String(length=64), nullable=True))
    op.add_column('tokens', sa.Column('user_agent', sa.String(length=200), nullable=True))
    op.create_index('ix_tokens_parent_id', 'tokens', ['parent_id'], unique=False)
    op.create_index('ix_tokens_kind_created_at_id', 'tokens', ['kind', 'created_at', 'id'], unique=False)


def downgrade() -> None:
    # An older version would take a session's text for a token.
    op.execute("DELETE FROM tokens WHERE kind = 'session'")
    op.drop_index('ix_tokens_kind_created_at_id', table_name='tokens')
    op.drop_index('ix_tokens_parent_id', table_name='tokens')
    for column in COLUMNS:
        op.drop_column('tokens', column)
