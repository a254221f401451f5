"""The chat page, as the server renders it."""

import re
from html import unescape
from typing import Any

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON
from tests.server.dashboard.chat.conftest import MakeTraining
from tests.tuning.datasets.files import as_lines, messages
from tuning.clusters.models import ModelAlias
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus

HOSTILE = "</button><script>alert(1)</script>"


def upload(client: TestClient, rows: list[dict[str, Any]], name: str) -> str:
    answer = client.post("/api/v1/datasets", files={"file": ("data.jsonl", as_lines(rows))}, data={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def learned_rows(client: TestClient, question: str = "learned", rows: int = 1) -> str:
    return upload(client, [messages(("user", question), ("assistant", "b"))] * rows, "learned-rows")


def offered(html: str, field: str) -> list[str]:
    """The values of a list."""
    [options] = re.findall(rf'<select id="{field}".*?</select>', html, re.DOTALL)
    return [unescape(value) for value in re.findall(r'<option value="([^"]*)"', options)]


def selected(html: str, field: str) -> str:
    """The value that is chosen in a list."""
    [options] = re.findall(rf'<select id="{field}".*?</select>', html, re.DOTALL)
    [value] = re.findall(r'<option value="([^"]*)" selected', options)
    return unescape(value)


def name_of(job: Job) -> str:
    return f"ft:tiny-qwen2:lab:{job.name}:{job.id.removeprefix('job_')}"


class TestModels:
    """The two that are chosen, and those that can be."""

    def test_without_a_choice_the_newest_result_stands_beside_its_base(
        self, signed_in: TestClient, make_training: MakeTraining
    ) -> None:
        job = make_training()
        html = signed_in.get("/chat").text
        assert selected(html, "model") == name_of(job)
        assert selected(html, "beside") == "tiny-qwen2"

    def test_the_address_chooses_both(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        name = name_of(make_training())
        html = signed_in.get("/chat", params={"model": "tiny-qwen2", "beside": name}).text
        assert (selected(html, "model"), selected(html, "beside")) == ("tiny-qwen2", name)
        assert selected(signed_in.get("/chat", params={"model": name, "beside": ""}).text, "beside") == ""

    def test_names_in_no_list_are_found(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        job = make_training()
        old = name_of(job).replace("ja-en", "before")
        html = signed_in.get("/chat", params={"model": f"{old}:ckpt-step-40", "beside": "Qwen/tiny-qwen2"}).text
        assert selected(html, "model") == f"{name_of(job)}:ckpt-step-40"
        assert selected(html, "beside") == "tiny-qwen2"

    def test_aliases_of_catalogue_and_results_are_offered(
        self, signed_in: TestClient, make_training: MakeTraining, sessions: sessionmaker[Session]
    ) -> None:
        job = make_training()
        with transaction(sessions) as session:
            session.add(ModelAlias(cluster="lab", alias="small", model="tiny-qwen2", updated_at=NOON))
            session.add(ModelAlias(cluster="lab", alias="mt-prod", model="", job_id=job.id, updated_at=NOON))
        html = signed_in.get("/chat?model=mt-prod").text
        assert offered(html, "model") == [name_of(job), "small", "mt-prod", "tiny-qwen2"]
        assert selected(html, "model") == "mt-prod"

    def test_an_unknown_model_is_told_with_what_to_do(self, signed_in: TestClient) -> None:
        html = signed_in.get("/chat", params={"model": "<b>gone</b>"}).text
        assert "<b>gone" not in html
        assert "there is no model '<b>gone</b>' → GET /api/v1/models lists the models" in unescape(html)

    def test_a_model_that_cannot_answer_says_why(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        make_training(config={"model_name_or_path": "tiny-qwen2", "stage": "rm"})
        assert "a reward model gives scores and no answers" in signed_in.get("/chat").text


class TestRows:
    """Rows of the training's data as prompts."""

    def test_the_rows_of_the_evaluation_come_first(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        learned = learned_rows(signed_in)
        held = upload(signed_in, [messages(("user", "held out"), ("assistant", "the answer"))], "held-rows")
        config = {"model_name_or_path": "tiny-qwen2", "dataset": learned, "eval_dataset": held}
        make_training(datasets=(learned, held), config=config)
        html = signed_in.get("/chat").text
        assert '<p class="row-text">held out</p>' in html
        assert "Expected answer: the answer" in html
        assert ">held-rows</a>" in html
        assert "learned-rows" not in html

    def test_else_those_that_it_learned_from(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        make_training(datasets=(learned_rows(signed_in, rows=12),))
        html = signed_in.get("/chat").text
        assert html.count('<p class="row-text">learned</p>') == 10
        [address] = re.findall(r'rel="next" data-rows href="([^"]*)"', html)
        assert "row 11" in signed_in.get(unescape(address)).text

    def test_an_export_has_the_rows_of_its_training(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        training = make_training(datasets=(learned_rows(signed_in),))
        export = make_training(kind="export", source_job=training.id, name="whole")
        html = signed_in.get("/chat", params={"model": f"ft::::{export.id.removeprefix('job_')}"}).text
        assert ">learned-rows</a>" in html

    def test_a_row_is_text(self, signed_in: TestClient, make_training: MakeTraining) -> None:
        make_training(datasets=(learned_rows(signed_in, HOSTILE),))
        html = signed_in.get("/chat").text
        assert "learned-rows" in html
        assert "<script>alert" not in html


def test_the_page_of_a_job_leads_here(signed_in: TestClient, make_training: MakeTraining) -> None:
    ended = make_training()
    html = signed_in.get(f"/jobs/{ended.id}").text
    [address] = re.findall(r'href="(/chat[^"]*)">Chat with it', html)
    assert selected(signed_in.get(unescape(address)).text, "model") == name_of(ended)
    for job in (make_training(status=JobStatus.RUNNING), make_training(result={"output_removed": True})):
        assert "Chat with it" not in signed_in.get(f"/jobs/{job.id}").text


def test_the_page_asks_to_sign_in(anonymous: TestClient) -> None:
    answer = anonymous.get("/chat?model=x", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fchat%3Fmodel%3Dx")
