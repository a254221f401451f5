"""The record of a job in its folder: what is written is read again, and nothing else is taken for one."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.datasets.storage.store import Extension
from tuning.errors import InvalidInput
from tuning.jobs.attempt.inputs import AttemptInputs
from tuning.jobs.attempt.job_record import MAX_RECORD_BYTES, job_record, parse_job_record
from tuning.jobs.attempt.plan import TrainingData

TOKEN = "token-of-an-attempt"


def written(session: Session, **columns: Any) -> bytes:
    job = make_job(session, make_user(session), **columns)
    data = TrainingData("ds_1", "pairs", "a" * 64, "jsonl", {"columns": {"prompt": "instruction"}})
    inputs = AttemptInputs(uploads=[data], owner="ada", tags={"team": "mt"})
    return job_record(job, 2, TOKEN, inputs, {"seed": 42}).model_dump_json().encode()


def test_what_is_written_is_read_again(session: Session) -> None:
    given = {
        "keep_checkpoints": 2,
        "continuation": {"max_attempts": 3, "on": ["timeout"]},
        "secrets": ["WANDB_API_KEY"],
    }
    text = written(session, name="日本語", **given)
    record = parse_job_record(text)
    assert record.model_dump_json().encode() == text
    assert (record.name, record.attempt, record.token, record.owner) == ("日本語", 2, TOKEN, "ada")
    assert (record.datasets[0].name, record.tags, record.record) == ("pairs", {"team": "mt"}, {"seed": 42})
    assert (record.keep_checkpoints, record.secrets) == (2, ("WANDB_API_KEY",))
    assert len(text) < MAX_RECORD_BYTES


@pytest.mark.parametrize("extension", get_args(Extension))
@pytest.mark.parametrize("cluster_path", [None, "/shared/data/日本 語.json"])
def test_each_form_of_data_is_read_again(session: Session, extension: str, cluster_path: str | None) -> None:
    data = TrainingData("ds_1", "pairs", "a" * 64, extension, {"file_name": "x"}, cluster_path=cluster_path)
    inputs = AttemptInputs(uploads=[data], owner="ada")
    text = job_record(make_job(session, make_user(session)), 1, TOKEN, inputs, {}).model_dump_json().encode()
    found = parse_job_record(text).datasets[0]
    assert (found.extension, found.cluster_path, found.entry) == (extension, cluster_path, {"file_name": "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("job_id", "../job_x"), ("owner", "a\nb"), ("token", "a b"), ("name", "two\nlines"), ("kind", "check"),
        ("config", {"x": 10**400}), ("config", {"x": "\u0000"}), ("attempt", 0), ("form", 2), ("tags", {"": "x"}),
        ("resources", {"partition": "gpu --wrap=x"}), ("secrets", ["path"]), ("created_at", "2026-11-21T12:00:00"),
    ],
)  # fmt: skip
def test_a_value_that_no_job_has_is_refused_by_its_name(session: Session, name: str, value: object) -> None:
    values = json.loads(written(session))
    with pytest.raises(InvalidInput, match=name):
        parse_job_record(json.dumps({**values, name: value}).encode())


@given(
    st.binary(max_size=200)
    | st.text().map(str.encode)
    | st.recursive(st.none() | st.text(), st.lists).map(str).map(str.encode)
)
def test_other_bytes_are_refused_and_nothing_else_is_raised(text: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_job_record(text)
