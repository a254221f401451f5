"""Lists whose rows hold the wanted fields alone."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.orm import Session, sessionmaker
from starlette.responses import Response
from starlette.testclient import TestClient

from server.api.pages import Page, with_fields
from server.schemas.job import JobJson
from tests.factories import make_job
from tuning.db.engine import transaction
from tuning.errors import InvalidInput
from tuning.people.models import User


class Inner(BaseModel):
    a: int = 1
    b: int = 2


class Row(BaseModel):
    id: str = "x"
    inner: Inner | None = Inner()
    free: dict[str, int] = {"a": 1}


ROWS = Page[Row](data=[Row(), Row(inner=None)], has_more=True, next="2")


def body(fields: str) -> str:
    answer = with_fields(ROWS, Row, fields)
    assert isinstance(answer, Response)
    return bytes(answer.body).decode()


def test_without_fields_the_page_is_whole() -> None:
    assert with_fields(ROWS, Row, None) is ROWS


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ("id", '{"id":"x"},{"id":"x"}'),
        ("id, free ,id", '{"id":"x","free":{"a":1}},{"id":"x","free":{"a":1}}'),
        ("inner.b", '{"inner":{"b":2}},{"inner":null}'),
        ("inner.b,inner", '{"inner":{"a":1,"b":2}},{"inner":null}'),
        ("inner,inner.b", '{"inner":{"a":1,"b":2}},{"inner":null}'),
    ],
)
def test_rows_hold_what_was_asked_for_and_the_page_its_place(fields: str, rows: str) -> None:
    assert body(fields) == f'{{"data":[{rows}],"has_more":true,"next":"2"}}'


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ("idd", "did you mean id?"),
        ("", "the fields are id, inner, free"),
        ("inner.zzz", "the fields are a, b"),
        ("free.a", "free has no named fields: ask for free"),
        ("inner.a.b", "the fields are a, b"),
    ],
)
def test_an_unknown_field_is_refused_with_those_there_are(fields: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        with_fields(ROWS, Row, fields)
    assert caught.value.findings[0].loc == ("query", "fields")
    assert (caught.value.findings[0].hint or "").startswith(hint)


@given(st.text(max_size=1000))
def test_any_text_is_refused_or_understood(fields: str) -> None:
    with suppress(InvalidInput):
        assert '"has_more":true' in body(fields)


def test_every_list_takes_fields(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user)
    lists = {
        "jobs": "id,name,status,progress.percentage",
        f"jobs/{job.id}/events": "id",
        "datasets": "id",
        "clusters": "name,reachable",
        "models": "name",
        "recipes": "name",
        "tokens": "id",
        "secrets": "name",
    }
    for path, fields in lists.items():
        answer = client.get(f"/api/v1/{path}", params={"fields": fields})
        assert answer.status_code == 200, path
        for row in answer.json()["data"]:
            assert list(row) == list(dict.fromkeys(field.partition(".")[0] for field in fields.split(","))), path
        refused = client.get(f"/api/v1/{path}", params={"fields": "nme"})
        assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["query", "fields"])


def test_a_page_of_jobs_with_few_fields_is_a_small_part(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        for _ in range(200):
            make_job(session, user)
    whole = client.get("/api/v1/jobs?limit=200")
    part = client.get("/api/v1/jobs?limit=200&fields=id,name,status")
    assert len(part.content) * 20 < len(whole.content)
    names = {field.alias or name for name, field in JobJson.model_fields.items()}
    assert names == set(whole.json()["data"][0])
