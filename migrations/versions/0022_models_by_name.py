"""Pins and grants of results, and aliases that mean a result.

Revision 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'model_pins',
        sa.Column('job_id', sa.String(length=32), nullable=False),
        sa.Column('checkpoint', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('pinned_by', sa.String(length=100), nullable=False),
        sa.Column('pinned_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_model_pins_job_id_jobs', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('job_id', 'checkpoint', name='pk_model_pins'),
    )
    op.create_table(
        'model_grants',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('job_id', sa.String(length=32), nullable=False),
        sa.Column('checkpoint', sa.Integer(), nullable=False),
        sa.Column('team_id', sa.String(length=32), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name='fk_model_grants_job_id_jobs', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name='fk_model_grants_team_id_teams', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name='pk_model_grants'),
        sa.UniqueConstraint(
            'job_id', 'checkpoint', 'team_id', name='uq_model_grants_job_id_checkpoint_team_id'
        ),
    )
    op.create_index('ix_model_grants_team_id_checkpoint', 'model_grants', ['team_id', 'checkpoint'])
    op.add_column('model_aliases', sa.Column('job_id', sa.String(length=32), nullable=True))
    op.add_column('model_aliases', sa.Column('checkpoint', sa.Integer(), nullable=True))
    op.create_index('ix_model_aliases_job_id', 'model_aliases', ['job_id'])


def downgrade() -> None:
    op.execute('DELETE FROM model_aliases WHERE job_id IS NOT NULL')
    op.drop_index('ix_model_aliases_job_id', 'model_aliases')
    op.drop_column('model_aliases', 'checkpoint')
    op.drop_column('model_aliases', 'job_id')
    op.drop_table('model_grants')
    op.drop_table('model_pins')
