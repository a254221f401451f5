"""Users know the account of an OIDC provider that they sign in by.

Revision 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('users', sa.Column('oidc_issuer', sa.String(length=500), nullable=True))
    op.add_column('users', sa.Column('oidc_subject', sa.String(length=255), nullable=True))
    op.create_index('ix_users_oidc_issuer_oidc_subject', 'users', ['oidc_issuer', 'oidc_subject'], unique=True)


def downgrade() -> None:
    op.drop_index('ix_users_oidc_issuer_oidc_subject', table_name='users')
    op.drop_column('users', 'oidc_subject')
    op.drop_column('users', 'oidc_issuer')
