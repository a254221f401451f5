"""Ends that are looked at again, what contradicts Slurm, and whose root it is.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

SIGNS = ('root_sign', 'root_sign_next')
MOMENTS = ('contradicted_since', 'contradiction_told_at', 'recheck_at')


def upgrade() -> None:
    for name in MOMENTS:
        op.add_column('attempts', sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_attempts_recheck_at', 'attempts', ['recheck_at'])
    for name in SIGNS:
        op.add_column('clusters', sa.Column(name, sa.String(32), nullable=True))
    op.create_table(
        'installations',
        sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('id', sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint('place', name='pk_installations'),
    )


def downgrade() -> None:
    op.drop_table('installations')
    for name in SIGNS:
        op.drop_column('clusters', name)
    op.drop_index('ix_attempts_recheck_at', 'attempts')
    for name in MOMENTS:
        op.drop_column('attempts', name)
