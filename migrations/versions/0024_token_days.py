"""Tokens that people had of served models.

Revision 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'token_days',
        sa.Column('user_id', sa.String(length=32), nullable=False),
        sa.Column('model', sa.String(length=300), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('requests', sa.Integer(), nullable=False),
        sa.Column('prompt_tokens', sa.BigInteger(), nullable=False),
        sa.Column('completion_tokens', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_token_days_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('user_id', 'model', 'day', name=op.f('pk_token_days')),
    )
    op.create_index('ix_token_days_day', 'token_days', ['day'])


def downgrade() -> None:
    op.drop_index('ix_token_days_day', table_name='token_days')
    op.drop_table('token_days')
