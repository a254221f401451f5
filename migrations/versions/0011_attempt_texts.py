"""Long texts of an attempt in a table of their own.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

TEXTS = ('script', 'config_yaml')


def upgrade() -> None:
    op.create_table(
        'attempt_texts',
        sa.Column('job_id', sa.String(length=32), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('script', sa.Text(), nullable=False),
        sa.Column('config_yaml', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ['job_id', 'attempt'],
            ['attempts.job_id', 'attempts.number'],
            name='fk_attempt_texts_job_id_attempt_attempts',
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('job_id', 'attempt', name='pk_attempt_texts'),
    )
    op.execute(
        'INSERT INTO attempt_texts (job_id, attempt, script, config_yaml) SELECT job_id, number, script, config_yaml '
        'FROM attempts WHERE script IS NOT NULL AND config_yaml IS NOT NULL'
    )
    for name in TEXTS:
        op.drop_column('attempts', name)


def downgrade() -> None:
    own = 'attempt_texts.job_id = attempts.job_id AND attempt_texts.attempt = attempts.number'
    for name in TEXTS:
        op.add_column('attempts', sa.Column(name, sa.Text(), nullable=True))
        op.execute(f'UPDATE attempts SET {name} = (SELECT {name} FROM attempt_texts WHERE {own})')
    op.drop_table('attempt_texts')
