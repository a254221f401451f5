"""Uploads arrive in parts; data sets may expire; webhooks may have names.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('datasets', sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_datasets_expires_at', 'datasets', ['expires_at'], unique=False)
    op.add_column('webhooks', sa.Column('name', sa.String(length=200), nullable=True))
    op.create_table(
        'part_uploads',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('user_id', sa.String(length=32), nullable=False),
        sa.Column('file_name', sa.String(length=200), nullable=False),
        sa.Column('size_bytes', sa.BigInteger(), nullable=False),
        sa.Column('fingerprint', sa.String(length=64), nullable=True),
        sa.Column('keeps_seconds', sa.Integer(), nullable=True),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('dataset_id', sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name=op.f('fk_part_uploads_user_id_users'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_part_uploads')),
    )
    op.create_index(op.f('ix_part_uploads_user_id'), 'part_uploads', ['user_id'], unique=False)
    op.create_index(op.f('ix_part_uploads_expires_at'), 'part_uploads', ['expires_at'], unique=False)
    op.create_table(
        'upload_parts',
        sa.Column('id', sa.String(length=32), nullable=False),
        sa.Column('upload_id', sa.String(length=32), nullable=False),
        sa.Column('number', sa.Integer(), nullable=True),
        sa.Column('size_bytes', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['upload_id'], ['part_uploads.id'], name=op.f('fk_upload_parts_upload_id_part_uploads'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_upload_parts')),
    )
    op.create_index('ix_upload_parts_upload_id_number', 'upload_parts', ['upload_id', 'number'], unique=True)


def downgrade() -> None:
    op.drop_index('ix_upload_parts_upload_id_number', table_name='upload_parts')
    op.drop_table('upload_parts')
    op.drop_index(op.f('ix_part_uploads_expires_at'), table_name='part_uploads')
    op.drop_index(op.f('ix_part_uploads_user_id'), table_name='part_uploads')
    op.drop_table('part_uploads')
    op.execute("DELETE FROM webhooks WHERE kind = 'openai'")  # no older version knows this kind
    op.drop_column('webhooks', 'name')
    op.drop_index('ix_datasets_expires_at', table_name='datasets')
    op.drop_column('datasets', 'expires_at')
