"""Tags of jobs have values as long as metadata of OpenAI's API may have.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('job_tags') as batch_op:
        batch_op.alter_column('value', existing_type=sa.String(length=256), type_=sa.String(length=512), existing_nullable=False)


def downgrade() -> None:
    op.execute(sa.text('UPDATE job_tags SET value = substr(value, 1, 256) WHERE length(value) > 256'))
    with op.batch_alter_table('job_tags') as batch_op:
        batch_op.alter_column('value', existing_type=sa.String(length=512), type_=sa.String(length=256), existing_nullable=False)
