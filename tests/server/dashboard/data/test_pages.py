"""The pages of data: lists, reports and rows."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import browse_as
from tests.factories import NOON, make_dataset, make_job, make_user
from tests.tuning.datasets.files import alpaca, as_lines, messages
from tuning.datasets.status import DatasetStatus
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.settings import Settings

HOSTILE = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>"


def upload(client: TestClient, rows: list[dict[str, Any]], name: str = "chats") -> str:
    answer = client.post("/api/v1/datasets", files={"file": ("data.jsonl", as_lines(rows))}, data={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def names(html: str) -> list[str]:
    return re.findall(r'<td class="name"><a href="/data/[^"]*">([^<]*)</a>', html)


class TestList:
    """All data sets."""

    def test_the_newest_come_first_with_what_they_are(self, signed_in: TestClient) -> None:
        assert "There is no data yet" in signed_in.get("/data").text
        upload(signed_in, [messages(), messages(("user", "a"), ("assistant", "b"), ("user", "c"))])
        html = signed_in.get("/data").text
        assert names(html) == ["chats"]
        cells = re.findall(r'<td class="number" data-label="(\w[^"]*)">(?:<[^>]*>)?([^<]*)', html)
        assert cells[:2] == [("Rows", "2"), ("Left out", "1")]
        assert "instructions and chats (sft)" in html

    def test_it_is_searched_by_name_and_person(self, signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
        with transaction(sessions) as session:
            bob = make_user(session, name="bob")
            for number, name in enumerate(("pairs", "chats")):
                make_dataset(session, bob, name=name, created_at=NOON + timedelta(minutes=number))
        assert names(signed_in.get("/data").text) == ["chats", "pairs"]
        assert names(signed_in.get("/data?q=PAI").text) == ["pairs"]
        assert names(signed_in.get("/data?owner=ada").text) == []
        assert names(signed_in.get("/data?owner=nobody").text) == []

    def test_jobs_that_use_a_set_are_counted(
        self, signed_in: TestClient, sessions: sessionmaker[Session], user: User
    ) -> None:
        with transaction(sessions) as session:
            make_dataset(session, user, job=make_job(session, user))
        assert '<td class="number" data-label="Jobs">1</td>' in signed_in.get("/data").text

    def test_it_goes_on_page_by_page(self, signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
        with transaction(sessions) as session:
            for number in range(51):
                make_dataset(session, user, name=f"set {number}", created_at=NOON + timedelta(minutes=number))
        html = signed_in.get("/data?q=set").text
        assert len(names(html)) == 50
        [address] = re.findall(r'<a class="button" href="([^"]*)">Older ones', html)
        assert names(signed_in.get(unescape(address)).text) == ["set 0"]

    def test_one_that_is_checked_or_was_refused_says_so(
        self, signed_in: TestClient, sessions: sessionmaker[Session], user: User
    ) -> None:
        with transaction(sessions) as session:
            make_dataset(session, user, status=DatasetStatus.CHECKING)
            make_dataset(session, user, status=DatasetStatus.REFUSED, findings=[])
        html = signed_in.get("/data").text
        assert "is being checked" in html
        assert "refused" in html
        assert 'data-live="/api/v1/events/stream"' in html
        assert "/jobs/new?dataset=" not in html


class TestReport:
    """One data set."""

    def test_left_out_rows_are_told_with_reasons_and_lines(self, signed_in: TestClient) -> None:
        bad = messages(("user", "a"), ("assistant", "b"), ("user", "c"))
        html = unescape(signed_in.get(f"/data/{upload(signed_in, [messages(), bad, messages()])}").text)
        assert "2 of 3 rows are trained on." in html
        assert "a conversation that ends with the user" in html
        assert "→ add the answer" in html
        assert '<span class="number">line 2</span>' in html

    def test_lengths_are_compared_with_cutoff_len(self, signed_in: TestClient) -> None:
        dataset_id = upload(signed_in, [alpaca(output="x" * length) for length in (10, 500, 3000)])
        html = signed_in.get(f"/data/{dataset_id}?cutoff_len=1024").text
        assert "1 rows are longer than 1024 characters" in html
        assert html.count('class="bar-cut"') == 1
        assert 'class="cutoff"' in html
        assert "No row is longer than 8192 characters." in signed_in.get(f"/data/{dataset_id}?cutoff_len=8192").text

    def test_trained_parts_are_marked(self, signed_in: TestClient) -> None:
        html = signed_in.get(f"/data/{upload(signed_in, [messages()])}?template=qwen").text
        assert '<mark class="trained">Hi!&lt;|im_end|&gt;\n</mark>' in html
        assert "&lt;|im_start|&gt;user\nHello&lt;|im_end|&gt;" in html
        assert '<option value="qwen" selected>' in html

    def test_rows_are_shown_page_by_page(self, signed_in: TestClient) -> None:
        dataset_id = upload(signed_in, [alpaca(output=f"answer {number}") for number in range(12)])
        first = signed_in.get(f"/data/{dataset_id}?template=qwen").text
        assert first.count('class="data-row"') == 10
        [address] = re.findall(r'rel="next" href="([^"]*)"', first)
        second = signed_in.get(f"/data/{dataset_id}{unescape(address)}").text
        assert second.count('class="data-row"') == 2
        assert "answer 11" in second
        assert 'rel="next"' not in second

    def test_a_template_that_is_not_known_is_told_beside_the_report(self, signed_in: TestClient) -> None:
        answer = signed_in.get(f"/data/{upload(signed_in, [messages()])}?template=qwne")
        assert answer.status_code == 200
        assert "has no template" in answer.text
        assert "What it is" in answer.text

    @pytest.mark.parametrize("query", ["", "?template=llama3"])
    def test_what_rows_say_is_text(self, signed_in: TestClient, query: str) -> None:
        rows = [messages(("user", HOSTILE), ("assistant", HOSTILE)), messages((HOSTILE, "a"), ("assistant", "b"))]
        html = signed_in.get(f"/data/{upload(signed_in, rows, name='<img src=x>')}{query}").text
        assert "<script>alert" not in html
        assert "<img" not in html
        assert " style=" not in html

    def test_only_who_may_delete_it_has_the_button(
        self, signed_in: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
    ) -> None:
        dataset_id = upload(signed_in, [messages()])
        with transaction(sessions) as session:
            bob = make_user(session, name="bob")
        assert f"DELETE /api/v1/datasets/{dataset_id}" in signed_in.get(f"/data/{dataset_id}").text
        assert "DELETE" not in browse_as(anonymous, sessions, bob).get(f"/data/{dataset_id}").text

    def test_jobs_with_it_are_listed(self, signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
        with transaction(sessions) as session:
            dataset = make_dataset(session, user, status=DatasetStatus.CHECKING, job=make_job(session, user))
        html = signed_in.get(f"/data/{dataset.id}").text
        assert "wmt ja-en" in html
        assert 'data-live="/api/v1/events/stream"' in html

    def test_reasons_of_a_refusal_are_told(
        self, signed_in: TestClient, sessions: sessionmaker[Session], user: User
    ) -> None:
        finding = {"loc": ["line", 3], "message": "line 3: not valid JSON", "hint": "write JSON"}
        with transaction(sessions) as session:
            dataset = make_dataset(session, user, status=DatasetStatus.REFUSED, findings=[finding])
        html = signed_in.get(f"/data/{dataset.id}").text
        assert "line 3: not valid JSON" in html
        assert "→ write JSON" in html

    @pytest.mark.parametrize("path", ["/data/ds_nothing", "/data/%3Cb%3E", "/data/ds_%00"])
    def test_what_is_not_there_is_not_found(self, signed_in: TestClient, path: str) -> None:
        assert signed_in.get(path).status_code == 404


class TestOthers:
    """Where members see their own alone."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"visible_jobs": "own"})

    def test_their_data_are_not_there(self, signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
        with transaction(sessions) as session:
            dataset = make_dataset(session, make_user(session, name="bob"))
        assert signed_in.get(f"/data/{dataset.id}").status_code == 404
        assert names(signed_in.get("/data").text) == []
        assert names(signed_in.get("/data?owner=bob").text) == []
