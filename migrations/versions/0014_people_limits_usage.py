"""People with roles, teams with shares, limits, what was used, and the record of changes.

Today's users and jobs go on as they are, in the team `lab`. Revision 0014, after 0013.
"""

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')
MOMENT = sa.DateTime(timezone=True)
LAB = 'team_lab'
JOB_COLUMNS = ('team_id', 'job_class', 'partition', 'gpus', 'limit_seconds', 'queued_at')
USER_COLUMNS = ('role', 'is_tool', 'display_name', 'email', 'default_team_id', 'disabled_at', 'version')


def upgrade() -> None:
    _add_people()
    _add_use()
    op.add_column('jobs', _text('team_id', 32, LAB))
    op.add_column('jobs', _text('job_class', 16, 'normal'))
    op.add_column('jobs', _text('partition', 1000, ''))
    op.add_column('jobs', sa.Column('gpus', sa.Integer(), server_default='0', nullable=False))
    op.add_column('jobs', sa.Column('limit_seconds', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('jobs', sa.Column('queued_at', MOMENT, nullable=True))
    op.execute("UPDATE jobs SET queued_at = created_at WHERE status <> 'held'")
    _measure_jobs()


def downgrade() -> None:
    for column in JOB_COLUMNS:
        op.drop_column('jobs', column)
    for table in ('decayed_use', 'usage_days', 'limits', 'audit', 'memberships', 'teams'):
        op.drop_table(table)
    op.add_column('users', sa.Column('is_administrator', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE users SET is_administrator = true WHERE role = 'administrator'")
    # An older version knows neither viewers nor users who are switched off: their tokens end.
    op.execute(
        'UPDATE tokens SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL AND user_id IN '
        "(SELECT id FROM users WHERE role = 'viewer' OR disabled_at IS NOT NULL)"
    )
    for column in USER_COLUMNS:
        op.drop_column('users', column)


def _add_people() -> None:
    op.add_column('users', _text('role', 16, 'member'))
    op.add_column('users', sa.Column('is_tool', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('users', sa.Column('display_name', sa.String(length=200), nullable=True))
    op.add_column('users', sa.Column('email', sa.String(length=320), nullable=True))
    op.add_column('users', _text('default_team_id', 32, LAB))
    op.add_column('users', sa.Column('disabled_at', MOMENT, nullable=True))
    op.add_column('users', sa.Column('version', sa.Integer(), server_default='1', nullable=False))
    op.execute("UPDATE users SET role = 'administrator' WHERE is_administrator")
    op.drop_column('users', 'is_administrator')
    op.create_table(
        'teams',
        sa.Column('id', sa.String(length=32), primary_key=True),
        sa.Column('name', sa.String(length=64), nullable=False),
        _count('shares', 1),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_teams'),
        sa.UniqueConstraint('name', name='uq_teams_name'),
    )
    op.create_table(
        'memberships',
        sa.Column('team_id', sa.String(length=32), primary_key=True),
        sa.Column('user_id', sa.String(length=32), primary_key=True),
        _count('shares', 1),
        sa.Column('is_lead', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('team_id', 'user_id', name='pk_memberships'),
        _cascading('memberships', 'team_id', 'teams'),
        _cascading('memberships', 'user_id', 'users'),
    )
    op.create_index('ix_memberships_user_id', 'memberships', ['user_id'])
    op.execute(f"INSERT INTO teams (id, name, shares, created_at) VALUES ('{LAB}', 'lab', 1, CURRENT_TIMESTAMP)")
    op.execute(
        'INSERT INTO memberships (team_id, user_id, shares, is_lead, created_at) '
        f"SELECT '{LAB}', id, 1, false, created_at FROM users"
    )
    op.create_table(
        'audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), primary_key=True, autoincrement=True),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('actor', sa.String(length=100), nullable=False),
        sa.Column('token_id', sa.String(length=32), nullable=True),
        sa.Column('address', sa.String(length=64), nullable=True),
        sa.Column('action', sa.String(length=64), nullable=False),
        sa.Column('subject_kind', sa.String(length=16), nullable=False),
        sa.Column('subject', sa.String(length=200), nullable=False),
        sa.Column('before', JSON, nullable=True),
        sa.Column('after', JSON, nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_audit'),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_audit_subject_kind_subject_id', 'audit', ['subject_kind', 'subject', 'id'])
    op.create_index('ix_audit_actor_id', 'audit', ['actor', 'id'])


def _add_use() -> None:
    places = ('subject_kind', 'subject', 'cluster', 'partition', 'job_class', 'kind')
    op.create_table(
        'limits',
        sa.Column('id', sa.String(length=32), primary_key=True),
        sa.Column('subject_kind', sa.String(length=16), nullable=False),
        sa.Column('subject', sa.String(length=100), nullable=False),
        _text('cluster', 32, ''),
        _text('partition', 100, ''),
        _text('job_class', 16, ''),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('amount', sa.Double(), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_limits'),
        sa.UniqueConstraint(*places, name='uq_limits_' + '_'.join(places)),
    )
    op.create_table(
        'usage_days',
        *_of_use('usage_days', sa.Column('day', sa.Date(), primary_key=True)),
        sa.Column('gpu_seconds', sa.Double(), nullable=False),
        sa.Column('jobs', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('user_id', 'team_id', 'cluster', 'day', name='pk_usage_days'),
    )
    op.create_index('ix_usage_days_day', 'usage_days', ['day'])
    op.create_table(
        'decayed_use',
        *_of_use('decayed_use'),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('gpu_seconds', sa.Double(), nullable=False),
        sa.Column('slowdowns', sa.Double(), nullable=False),
        sa.Column('jobs', sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint('user_id', 'team_id', 'cluster', name='pk_decayed_use'),
    )


def _of_use(table: str, *columns: sa.Column[Any]) -> list[Any]:
    return [
        sa.Column('user_id', sa.String(length=32), primary_key=True),
        sa.Column('team_id', sa.String(length=32), primary_key=True),
        sa.Column('cluster', sa.String(length=32), primary_key=True),
        *columns,
        _cascading(table, 'user_id', 'users'),
    ]


def _cascading(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{to}.id'], name=f'fk_{table}_{column}_{to}', ondelete='CASCADE')


def _text(name: str, length: int, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=length), server_default=default, nullable=False)


def _count(name: str, default: int) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), server_default=str(default), nullable=False)


def _measure_jobs() -> None:
    """Give the jobs that are there their columns of partition, GPUs and time limit, by their resources."""
    connection = op.get_bind()
    found = connection.execute(sa.text('SELECT id, resources FROM jobs')).all()
    rows = [{'own': job_id, **_measures(_object(resources))} for job_id, resources in found]
    if rows:
        change = 'UPDATE jobs SET "partition" = :partition, gpus = :gpus, limit_seconds = :seconds WHERE id = :own'
        connection.execute(sa.text(change), rows)


def _object(stored: Any) -> dict[str, Any]:
    value = json.loads(stored) if isinstance(stored, str) else stored
    return value if isinstance(value, dict) else {}


def _measures(resources: dict[str, Any]) -> dict[str, Any]:
    gpus = (resources.get('nodes') or 1) * (resources.get('gpus_per_node') or 0)
    seconds = _seconds(str(resources.get('time_limit') or ''))
    return {'partition': resources.get('partition') or '', 'gpus': gpus, 'seconds': seconds}


def _seconds(text: str) -> int:
    """Of D-HH[:MM[:SS]], [HH:]MM:SS, or minutes; 0 where nothing is said."""
    if found := re.fullmatch(r'(\d+)-(\d+)(?::(\d+))?(?::(\d+))?', text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if found := re.fullmatch(r'(?:(\d+):)?(\d+):(\d+)', text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return (hours * 60 + minutes) * 60 + seconds
    return int(text) * 60 if text.isdecimal() else 0
