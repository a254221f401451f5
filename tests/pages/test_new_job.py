"""The page for new jobs in a browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.pages.conftest import OpenPage
from tests.pages.stage import Stage

pytestmark = pytest.mark.system

MISSPELT = "model_name_or_path: tiny-qwen2\ntemplate: qwen\ndataset: identity\nlora_rnk: 8\n"
COMMAND = "CUDA_VISIBLE_DEVICES=0 llamafactory-cli train identity.yaml lora_rank=16\n"


def write(page: Page, text: str) -> None:
    """Into the editor, in place of what it holds."""
    editor = page.get_by_role("textbox", name="Configuration")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_finding_appears_at_its_line_and_goes(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/jobs/new")
    write(page, MISSPELT)
    finding = page.locator("#findings li").filter(has_text="lora_rnk")
    expect(finding).to_contain_text("did you mean lora_rank?")
    finding.get_by_role("button", name="line 4").click()
    expect(page.locator("#editor .cm-lintRange-error")).to_have_text("lora_rnk: 8")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text("lora_rank: 8")
    expect(page.locator("#state")).to_have_text("✓ It would be taken.")
    expect(page.locator("#findings li").filter(has_text="lora_rnk")).to_have_count(0)
    expect(page.locator("#forecast")).to_contain_text(re.compile(r"starts about .+, ends about .+ GPU hours"))
    expect(page.locator("#panel-yaml")).to_contain_text("lora_rank: 8")


def test_names_and_values_are_completed_with_help(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/jobs/new")
    write(page, "")
    page.keyboard.type("learning_r")
    expect(page.locator("#editor .cm-completionInfo")).to_contain_text("The initial learning rate for the optimizer.")
    page.locator("#editor [role=option]").first.click()
    page.keyboard.type("1e-4\nmodel_name_or_path: ti")
    page.locator("#editor .cm-tooltip-autocomplete").get_by_text("tiny-qwen2").click()
    expect(page.get_by_role("textbox", name="Configuration")).to_contain_text("learning_rate: 1e-4")
    expect(page.get_by_role("textbox", name="Configuration")).to_contain_text("model_name_or_path: tiny-qwen2")


def test_a_form_sent_twice_makes_one_job(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/jobs/new", token=empty_lab.lab.member_token)
    write(page, MISSPELT.replace("lora_rnk", "lora_rank"))
    page.get_by_label("Name", exact=True).fill("<b>twice</b>")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/api/v1/jobs") else None)
    page.route("**/jobs/job_*", lambda route: route.fulfill(body="made", content_type="text/plain"))
    page.get_by_role("button", name="Submit").dblclick()
    page.wait_for_url("**/jobs/job_*")
    assert len({request.headers["idempotency-key"] for request in sent}) == 1
    made = page.request.get("/api/v1/jobs", headers={"Accept": "application/json"}).json()["data"]
    assert [job["name"] for job in made] == ["<b>twice</b>"]


def test_a_pasted_command_is_read_with_its_file(open_page: OpenPage, empty_lab: Stage, tmp_path: Path) -> None:
    page = open_page(empty_lab, "/jobs/new")
    page.get_by_role("textbox", name="Configuration").evaluate(
        """(editor, text) => {
          const given = new DataTransfer();
          given.setData("text/plain", text);
          editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true }));
        }""",
        COMMAND,
    )
    expect(page.get_by_label("Command or script")).to_be_checked()
    expect(page.locator("#findings")).to_contain_text("identity.yaml is not given")
    file = tmp_path / "identity.yaml"
    file.write_text("model_name_or_path: tiny-qwen2\ntemplate: qwen\ndataset: identity\n")
    page.get_by_label("Files that the command names").set_input_files(file)
    expect(page.locator("#state")).to_have_text("✓ It would be taken.")
    expect(page.locator("#panel-yaml")).to_contain_text("lora_rank: 16")


def test_a_finding_of_a_field_leads_to_it(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/jobs/new?recipe=lora-sft")
    page.get_by_label("Partition").fill("no-such")
    page.locator("#findings").get_by_role("button", name="Partition").click()
    expect(page.get_by_label("Partition")).to_be_focused()
    expect(page.get_by_label("Partition")).to_have_attribute("aria-invalid", "true")


def test_of_answers_the_newest_is_shown(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/jobs/new")
    page.evaluate(
        """() => {
          const real = window.fetch;
          let asked = 0;
          window.fetch = async (...given) => {
            const answer = real(...given);
            const isFirst = String(given[0]).includes("validate") && asked++ === 0;
            if (isFirst) await new Promise((done) => setTimeout(done, 2500));
            return answer;
          };
        }"""
    )
    write(page, MISSPELT)
    page.wait_for_timeout(600)
    write(page, MISSPELT.replace("lora_rnk", "lora_rank"))
    expect(page.locator("#state")).to_have_text("✓ It would be taken.")
    page.wait_for_timeout(2500)
    expect(page.locator("#state")).to_have_text("✓ It would be taken.")
