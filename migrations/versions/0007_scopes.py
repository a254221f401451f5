"""What a token may do. Those that are there may do what they could.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('tokens', sa.Column('scope', sa.String(length=16), server_default='read', nullable=False))
    op.execute("UPDATE tokens SET scope = 'submit'")
    op.execute("UPDATE tokens SET scope = 'admin' WHERE user_id IN (SELECT id FROM users WHERE is_administrator)")


def downgrade() -> None:
    # An older version takes every token for one that may do all that its user may: the narrow ones end here.
    op.execute(
        "UPDATE tokens SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL AND (scope = 'read' OR "
        "(scope = 'submit' AND user_id IN (SELECT id FROM users WHERE is_administrator)))"
    )
    op.drop_column('tokens', 'scope')
