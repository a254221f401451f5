"""Migrations up and down, on both databases, and that they make what the models say."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from tests.factories import NOON, make_attempt, make_attempt_texts, make_dataset, make_job, make_token, make_user
from tuning.clusters import models as clusters
from tuning.datasets import models as datasets
from tuning.db.engine import Base, open_engine, open_sessions, transaction
from tuning.errors import NotAuthenticated
from tuning.jobs import models as jobs
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.migrate import downgrade, is_a_models, is_current, upgrade
from tuning.notices import models as notices
from tuning.people import models as accounts
from tuning.people.roles import Role
from tuning.people.scopes import Scope
from tuning.people.tokens import authenticate
from tuning.secrets import models as secrets
from tuning.usage import models as usage

TABLES_OF = (accounts, clusters, datasets, jobs, notices, secrets, usage)


def tables(database_url: str) -> set[str]:
    engine = open_engine(database_url)
    try:
        names = inspect(engine).get_table_names()
        return {name for name in names if is_a_models(name, "table", {})}
    finally:
        engine.dispose()


def test_up_down_and_up_again(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}
    downgrade(empty_database_url, "base")
    assert tables(empty_database_url) == {"alembic_version"}
    upgrade(empty_database_url)
    upgrade(empty_database_url)  # a second time is no harm
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}


def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    engine = open_engine(database_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": is_a_models})
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engine.dispose()


def test_a_step_back_keeps_what_belongs_to_a_job(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = open_engine(empty_database_url)
    try:
        with transaction(open_sessions(engine)) as session:
            make_job(session, make_user(session), tags={"team": "mt"})
        downgrade(empty_database_url, "0001")
        with engine.connect() as connection:
            assert connection.execute(text("SELECT key, value FROM job_tags")).all() == [("team", "mt")]
    finally:
        engine.dispose()


def test_a_step_back_keeps_data_sets_and_hides_what_was_never_found_good(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = open_engine(empty_database_url)
    try:
        with transaction(open_sessions(engine)) as session:
            owner = make_user(session)
            make_dataset(session, owner, name="upload", job=make_job(session, owner))
            make_dataset(session, owner, name="asked for", sha256="", status="checking", cluster="lab")
        downgrade(empty_database_url, "0002")
        with engine.connect() as connection:
            left = connection.execute(text("SELECT name FROM datasets WHERE deleted_at IS NULL")).scalars().all()
            assert left == ["upload"]
        upgrade(empty_database_url)
        with transaction(open_sessions(engine)) as session:
            assert {row.name: row.status for row in session.query(datasets.Dataset)} == {
                "upload": "ready",
                "asked for": "ready",
            }
    finally:
        engine.dispose()


def test_tags_get_the_place_of_their_job_and_names_are_found(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0007")
    engine = open_engine(empty_database_url)
    columns = "owner_id, cluster, priority, config, resources, request_sha256, version, attempt, updated_at"
    at = "2026-11-21 12:00:00+00:00" if empty_database_url.startswith("postgresql") else "2026-11-21 12:00:00.000000"
    values = f"'user_1', 'lab', 7, '{{}}', '{{}}', '', 1, 0, '{at}'"
    try:
        with engine.begin() as connection:
            user = "INSERT INTO users (id, name, is_administrator, created_at)"
            connection.execute(text(f"{user} VALUES ('user_1', 'ada', false, '{at}')"))
            job = f"INSERT INTO jobs (id, name, kind, status, created_at, {columns})"
            connection.execute(text(f"{job} VALUES ('job_1', 'WMT', 'train', 'queued', '{at}', {values})"))
            connection.execute(text("INSERT INTO job_tags (job_id, key, value) VALUES ('job_1', 'team', 'mt')"))
        upgrade(empty_database_url)
        with transaction(open_sessions(engine)) as session:
            tag = session.query(jobs.JobTag).one()
            assert (tag.created_at, tag.priority) == (NOON, 7)
            assert [job.id for job in list_jobs(session, Filter(text="wmt"), Sort.NEWEST, None, 5).jobs] == ["job_1"]
    finally:
        engine.dispose()


def test_tokens_keep_their_scopes_and_a_step_back_ends_lesser_tokens(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = open_engine(empty_database_url)
    sessions = open_sessions(engine)
    try:
        with transaction(sessions) as session:
            ada, root = make_user(session), make_user(session, name="root", is_administrator=True)
            usual = {Scope.SUBMIT: make_token(session, ada), Scope.ADMIN: make_token(session, root)}
            narrow = [make_token(session, ada, scope=Scope.READ), make_token(session, root, scope=Scope.SUBMIT)]
        downgrade(empty_database_url, "0006")
        upgrade(empty_database_url)
        with transaction(sessions) as session:
            assert {scope: authenticate(session, text, NOON).scope for scope, text in usual.items()} == {
                scope: scope for scope in usual
            }
            for text in narrow:
                with pytest.raises(NotAuthenticated):
                    authenticate(session, text, NOON)
    finally:
        engine.dispose()


def test_users_and_jobs_go_on_in_the_team_lab(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0013")
    engine = open_engine(empty_database_url)
    at = NOON.isoformat()
    columns = "id, name, kind, status, created_at, updated_at, owner_id, cluster, config, request_sha256"
    resources = '{"nodes": 2, "gpus_per_node": 4, "partition": "gpu", "time_limit": "1-00:30:00"}'
    try:
        with engine.begin() as connection:
            user = "INSERT INTO users (id, name, is_administrator, created_at)"
            connection.execute(
                text(f"{user} VALUES ('user_1', 'ada', false, '{at}'), ('user_2', 'root', true, '{at}')")
            )
            values = f"'WMT', 'train', 'queued', '{at}', '{at}', 'user_1', 'lab', '{{}}', ''"
            job = f"INSERT INTO jobs ({columns}, priority, version, attempt, resources)"
            connection.execute(text(f"{job} VALUES ('job_1', {values}, 0, 1, 0, :resources)"), {"resources": resources})
        upgrade(empty_database_url)
        with transaction(open_sessions(engine)) as session:
            row = session.query(jobs.Job).one()
            assert (row.partition, row.gpus, row.limit_seconds, row.queued_at) == ("gpu", 8, 88200, NOON)
            assert (row.team_id, row.job_class) == (accounts.LAB_TEAM_ID, "normal")
            roles = {user.name: (user.role, user.default_team_id) for user in session.query(accounts.User)}
            assert roles == {"ada": (Role.MEMBER, row.team_id), "root": (Role.ADMINISTRATOR, row.team_id)}
            assert {member.user_id for member in session.query(accounts.Membership)} == {"user_1", "user_2"}
    finally:
        engine.dispose()


def test_a_database_says_whether_it_is_current(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    try:
        with engine.connect() as connection:
            assert not is_current(connection)
        upgrade(empty_database_url)
        with engine.connect() as connection:
            assert is_current(connection)
    finally:
        engine.dispose()


def test_an_attempts_texts_move_to_their_table_and_back(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = open_engine(empty_database_url)
    read = text("SELECT script, config_yaml FROM attempts")
    try:
        with transaction(open_sessions(engine)) as session:
            job = make_job(session, make_user(session), attempt=2)
            make_attempt(session, job, number=1)
            make_attempt(session, job, number=2)
            make_attempt_texts(session, job, "#!/bin/bash", "stage: sft", number=2)
        downgrade(empty_database_url, "0010")
        with engine.connect() as connection:
            assert connection.execute(read).all() == [(None, None), ("#!/bin/bash", "stage: sft")]
        upgrade(empty_database_url)
        with transaction(open_sessions(engine)) as session:
            texts = session.query(jobs.AttemptTexts).one()
            assert (texts.attempt, texts.script, texts.config_yaml) == (2, "#!/bin/bash", "stage: sft")
    finally:
        engine.dispose()
