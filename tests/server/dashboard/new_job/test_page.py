"""The page for new jobs: what it begins with, and what it offers."""

import json
import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_dataset, make_job, make_limit, make_user
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind
from tuning.settings import Settings

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>'


def block(html: str, name: str) -> Any:
    """Values of a data block of the page."""
    [found] = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    return json.loads(found)


def field(html: str, name: str) -> str:
    """Value of an input of the form."""
    [found] = re.findall(rf'name="{re.escape(name)}" value="([^"]*)"', html)
    return unescape(found)


def test_it_begins_with_nothing(signed_in: TestClient) -> None:
    html = signed_in.get("/jobs/new").text
    assert block(html, "start") == {"text": "", "request": {}, "chosen": [], "newest": []}
    assert [cluster["name"] for cluster in block(html, "clusters")] == ["lab"]
    assert block(html, "clusters")[0]["models"] == ["tiny-qwen2"]
    assert "lora-sft" in [recipe["name"] for recipe in block(html, "recipes")]


def test_it_begins_with_a_recipe(signed_in: TestClient) -> None:
    html = signed_in.get("/jobs/new?recipe=lora-sft").text
    start = block(html, "start")
    assert start["request"] == {"recipe": "lora-sft"}
    assert "\nmodel_name_or_path:\n" in start["text"]
    assert '<option value="lora-sft" selected>' in html


def test_it_begins_like_an_older_job(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        values: dict[str, Any] = {"resources": {"cluster": "lab", "gpus_per_node": 4, "options": {"exclusive": True}}}
        job = make_job(session, user, name=HOSTILE, tags={"a": HOSTILE}, job_class="scavenger", priority=5, **values)
        dataset = make_dataset(session, user, job=job)
        path = f"/jobs/new?from={job.id}"
    html = signed_in.get(path).text
    start = block(html, "start")
    assert "model_name_or_path: tiny-qwen2\n" in start["text"]
    assert [chosen["id"] for chosen in start["chosen"]] == [dataset.id]
    assert start["request"]["resources"]["options"] == {"exclusive": True}
    assert (field(html, "name"), field(html, "priority")) == (HOSTILE, "5")
    assert field(html, "resources.gpus_per_node") == "4"
    assert '<option value="scavenger" selected>' in html
    assert "<script>alert" not in html
    assert "<img" not in html


def test_it_begins_with_the_model_of_a_training(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    config = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "template": "qwen", "dataset": "identity"}
    with transaction(sessions) as session:
        job = make_job(session, user, name="base", status=JobStatus.SUCCEEDED, config=config, tags={"a": "b"})
        path = f"/jobs/new?source={job.id}"
    training = block(signed_in.get(f"{path}&kind=train&checkpoint=20").text, "start")
    own = {"kind": "train", "source_job": job.id, "checkpoint": 20}
    assert own.items() <= training["request"].items()
    assert training["request"]["tags"] == {"a": "b"}
    assert "name" not in training["request"]
    assert "template: qwen\n" in training["text"]
    assert "name_or_path" not in training["text"]
    prediction = block(signed_in.get(f"{path}&kind=predict").text, "start")
    resources = {"cluster": "lab"}
    assert prediction["request"] == {
        "recipe": "predict",
        "kind": "predict",
        "source_job": job.id,
        "resources": resources,
    }
    assert prediction["text"].endswith("\neval_dataset: identity\n")


def test_a_prediction_begins_with_the_data_of_the_training(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.SUCCEEDED)
        dataset = make_dataset(session, user, job=job)
        path = f"/jobs/new?source={job.id}"
    start = block(signed_in.get(path).text, "start")
    assert [chosen["id"] for chosen in start["chosen"]] == [dataset.id]
    assert "eval_dataset" not in start["text"]


@pytest.mark.parametrize(
    ("columns", "recipe"),
    [
        ({"prompt": "instruction", "response": "output"}, "lora-sft"),
        ({"messages": "messages", "kto_tag": "label"}, "kto"),
        ({"prompt": "text"}, "pretrain"),
    ],
)
def test_data_bring_the_usual_recipe(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User, columns: dict[str, str], recipe: str
) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, entry={"formatting": "alpaca", "columns": columns})
    start = block(signed_in.get(f"/jobs/new?dataset={dataset.id}").text, "start")
    assert start["request"] == {"recipe": recipe}
    assert [chosen["id"] for chosen in start["chosen"]] == [dataset.id]


@pytest.mark.parametrize("query", ["recipe=no-such", "from=job_nothing", "dataset=ds_nothing"])
def test_what_is_not_there_is_told(signed_in: TestClient, query: str) -> None:
    assert signed_in.get(f"/jobs/new?{query}").status_code == 404


@pytest.mark.parametrize("query", ["recipe=%00", "from=%3Cb%3E", "dataset=a%20b"])
def test_an_address_that_cannot_be_read_is_told(signed_in: TestClient, query: str) -> None:
    assert signed_in.get(f"/jobs/new?{query}").status_code == 422


def test_a_check_of_data_is_no_beginning(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, kind="check")
    answer = signed_in.get(f"/jobs/new?from={job.id}")
    assert answer.status_code == 409
    assert "is a check of data" in answer.text


class TestOthers:
    """Where members see their own alone."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"visible_jobs": "own"})

    def test_their_jobs_and_data_are_no_beginning(self, signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
        with transaction(sessions) as session:
            bob = make_user(session, name="bob")
            job, dataset = make_job(session, bob), make_dataset(session, bob)
        assert signed_in.get(f"/jobs/new?from={job.id}").status_code == 404
        assert signed_in.get(f"/jobs/new?dataset={dataset.id}").status_code == 404
        assert block(signed_in.get("/jobs/new").text, "start")["newest"] == []


def test_secrets_are_offered_by_name(signed_in: TestClient) -> None:
    signed_in.put("/api/v1/secrets/WANDB_API_KEY", json={"value": "not-for-pages"})
    html = signed_in.get("/jobs/new").text
    assert "<code>WANDB_API_KEY</code>" in html
    assert "not-for-pages" not in html


def test_limits_are_told_with_their_use(signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 8, user="ada")
    html = unescape(signed_in.get("/jobs/new").text)
    assert "the user ada may have 8 GPUs at once" in html
    assert "(0 in use)" in html


def test_whoever_has_no_session_signs_in_first(anonymous: TestClient) -> None:
    answer = anonymous.get("/jobs/new?recipe=dpo", headers={"Accept": "text/html"}, follow_redirects=False)
    assert answer.headers["location"] == "/sign-in?next=%2Fjobs%2Fnew%3Frecipe%3Ddpo"
