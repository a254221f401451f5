"""The chat page in a browser."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.factories import make_job
from tests.pages.conftest import NARROW, OpenPage
from tests.pages.fake_models import FakeModels
from tests.pages.stage import Stage, stage
from tests.pages.test_accessibility import violations
from tests.pages.test_job import changing
from tests.tuning.datasets.files import as_lines, messages
from tuning.jobs.models import JobDataset
from tuning.jobs.status import JobStatus
from tuning.people.models import User

pytestmark = pytest.mark.system

BASE = "tiny-qwen2"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
EARLIER = (("user", "おはよう"), ("assistant", "Good morning"))
ROWS = [
    messages(("system", "Translate"), *EARLIER, ("user", "猫"), ("assistant", "cat")),
    messages(("user", "犬"), ("assistant", HOSTILE)),
]


@pytest.fixture(scope="module")
def lab(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server with one training that has ended, on two rows; tests only look at it."""
    folder = tmp_path_factory.mktemp("chat")
    with stage(folder, 0) as staged:
        token = {"Authorization": f"Bearer {staged.lab.administrator_token}"}
        file = {"file": ("rows.jsonl", as_lines(ROWS))}
        uploaded = httpx.post(f"{staged.url}/api/v1/datasets", files=file, headers=token, timeout=60)
        with changing(folder) as session:
            owner = session.scalars(select(User).where(User.name == "ada")).one()
            job = make_job(
                session, owner, name="ja-en", status=JobStatus.SUCCEEDED, finished_at=datetime.now(UTC), attempt=1
            )
            session.add(JobDataset(job_id=job.id, position=0, dataset_id=uploaded.json()["id"]))
        yield staged


def ask(page: Page, question: str) -> None:
    page.get_by_label("Message", exact=True).fill(question)
    page.keyboard.press("Control+Enter")


def answers(page: Page, exchange: int = -1) -> Locator:
    return page.locator(".exchange").nth(exchange).locator(".answer")


def test_two_models_answer_beside_each_other_turn_by_turn(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat")
    models = FakeModels(page)
    page.get_by_text("System prompt and temperature").click()
    page.get_by_label("System prompt", exact=True).fill("Be short")
    page.get_by_label("Temperature").fill("0")
    ask(page, "Tell")
    tuned, base = models.asked(0), models.asked(1)
    assert (tuned["body"]["model"].split(":")[3], base["body"]["model"]) == ("ja-en", BASE)
    assert len(tuned["csrf"]) == 64
    assert tuned["body"]["temperature"] == 0
    models.wait(0, "it is at place 3, and expected to start at 12:00")
    expect(answers(page).nth(0).get_by_role("status")).to_have_text("it is at place 3, and expected to start at 12:00")
    for number, words in ((0, "tuned"), (1, "base")):
        models.say(number, words)
        models.say(number, " says")
        models.end(number)
    expect(answers(page).nth(0).locator(".said")).to_have_text("tuned says")
    expect(answers(page).nth(1)).to_contain_text("tokens: 7 read, 3 written")
    ask(page, "And then?")
    told = [(each["role"], each["content"]) for each in models.asked(3)["body"]["messages"]]
    assert told == [("system", "Be short"), ("user", "Tell"), ("assistant", "base says"), ("user", "And then?")]
    models.end(2, "length")
    expect(answers(page).nth(0)).to_contain_text("It said nothing. It ends here because")


def test_stop_ends_the_answers_and_clear_the_conversation(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat")
    models = FakeModels(page)
    ask(page, "Tell")
    models.say(0, "Once")
    page.get_by_role("button", name="Stop").click()
    expect(answers(page).nth(0)).to_contain_text("Stopped.")
    assert [models.asked(number)["wasStopped"] for number in (0, 1)] == [True, True]
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    ask(page, "On")
    assert [each["content"] for each in models.asked(2)["body"]["messages"]] == ["Tell", "Once", "On"]
    assert [each["content"] for each in models.asked(3)["body"]["messages"]] == ["On"]
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".exchange")).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    ask(page, "Anew")
    assert len(models.asked(4)["body"]["messages"]) == 1


def test_errors_are_told_in_the_servers_words(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat?beside=")
    models = FakeModels(page)
    ask(page, "Tell")
    models.say(0, "On")
    models.fail(0, "the model's server failed: CUDA out of memory (its log is that of its job)")
    expect(answers(page).get_by_role("alert")).to_have_text(
        "the model's server failed: CUDA out of memory (its log is that of its job)"
    )
    models.refuse("you run 2 of 2 jobs (wait until one ends)")
    ask(page, "Again")
    expect(answers(page).get_by_role("alert")).to_have_text("you run 2 of 2 jobs (wait until one ends)")


def test_a_row_is_a_prompt_with_its_expected_answer_beside(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat")
    models = FakeModels(page)
    page.get_by_role("button", name="Use row 1").click()
    expect(page.locator(".exchange .said")).to_have_text(["おはよう", "Good morning"])
    page.keyboard.press("Control+Enter")
    sent = [(each["role"], each["content"]) for each in models.asked(1)["body"]["messages"]]
    assert sent == [("system", "Translate"), ("user", "おはよう"), ("assistant", "Good morning"), ("user", "猫")]
    expect(answers(page).filter(has_text="Expected answer").locator(".said")).to_have_text("cat")
    page.get_by_role("button", name="Use row 2").click()
    expect(page.locator(".exchange")).to_have_count(0)


def test_what_models_say_is_text(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat")
    page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))
    models = FakeModels(page)
    page.get_by_role("button", name="Use row 2").click()
    page.keyboard.press("Control+Enter")
    models.say(0, HOSTILE)
    models.wait(1, HOSTILE)
    expect(answers(page)).to_contain_text([HOSTILE, HOSTILE, HOSTILE])
    assert page.locator("main img").count() == 0


def test_another_model_is_chosen_and_the_conversation_stays(open_page: OpenPage, lab: Stage) -> None:
    page = open_page(lab, "/chat")
    models = FakeModels(page)
    ask(page, "Tell")
    models.say(0, "Once")
    page.get_by_label("Beside it").select_option("")
    expect(page.locator("#about-beside code")).to_have_count(0)
    assert page.url.endswith("&beside=")
    page.get_by_label("Model", exact=True).select_option(BASE)
    expect(page.locator("#about-model")).to_contain_text(BASE)
    expect(answers(page).nth(0)).to_contain_text("Once")
    page.get_by_role("button", name="Stop").click()
    ask(page, "On")
    assert models.asked(2)["body"]["model"] == BASE


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_a_phone(open_page: OpenPage, lab: Stage, scheme: str) -> None:
    page = open_page(lab, "/chat", size=NARROW)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    models = FakeModels(page)
    page.get_by_role("button", name="Use row 2").click()
    page.keyboard.press("Control+Enter")
    models.say(0, "a_word_without_an_end" * 20)
    models.fail(1, "an_error_without_an_end" * 20)
    expect(answers(page).get_by_role("alert")).to_contain_text("an_error")
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations(page)] == []
