"""Kinds of jobs, their sources and dependencies, users' secrets, and what is to leave a cluster.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('secrets',
    sa.Column('owner_id', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('ciphertext', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_secrets_owner_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('owner_id', 'name', name=op.f('pk_secrets'))
    )
    op.create_table('removals',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('path', sa.String(length=200), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_removals_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'path', name=op.f('pk_removals'))
    )
    op.create_table('job_dependencies',
    sa.Column('job_id', sa.String(length=32), nullable=False),
    sa.Column('depends_on', sa.String(length=32), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_job_dependencies_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('job_id', 'depends_on', name=op.f('pk_job_dependencies'))
    )
    with op.batch_alter_table('job_dependencies', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_job_dependencies_depends_on'), ['depends_on'], unique=False)

    # Not in a batch: SQLite's copy of `jobs` would take along, by their cascades, all that belongs to a job.
    op.add_column('jobs', sa.Column('recipe', sa.String(length=64), nullable=True))
    op.add_column('jobs', sa.Column('source_job', sa.String(length=32), nullable=True))
    op.add_column('jobs', sa.Column('source_checkpoint', sa.Integer(), nullable=True))
    op.add_column('jobs', sa.Column('source', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"), nullable=True))
    op.add_column('jobs', sa.Column('secrets', sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"), nullable=True))
    op.add_column('jobs', sa.Column('keep_checkpoints', sa.Integer(), nullable=True))



def downgrade() -> None:
    # Not in a batch: SQLite's copy of `jobs` would take along, by their cascades, all that belongs to a job.
    op.drop_column('jobs', 'keep_checkpoints')
    op.drop_column('jobs', 'secrets')
    op.drop_column('jobs', 'source')
    op.drop_column('jobs', 'source_checkpoint')
    op.drop_column('jobs', 'source_job')
    op.drop_column('jobs', 'recipe')

    with op.batch_alter_table('job_dependencies', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_job_dependencies_depends_on'))

    op.drop_table('job_dependencies')
    op.drop_table('removals')
    op.drop_table('secrets')
