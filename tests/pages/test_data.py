"""The pages of data in a browser."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.pages.conftest import NARROW, OpenPage
from tests.pages.stage import Stage
from tests.pages.test_accessibility import violations
from tests.tuning.datasets.files import as_lines, messages

pytestmark = pytest.mark.system

HOSTILE = "</pre><img src=x onerror=alert(1)><script>alert(2)</script>"


def drop(page: Page, *files: Path) -> None:
    page.locator("[data-upload] input[type=file]").set_input_files(list(files))


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """A file whose name and rows are hostile."""
    file = tmp_path / "<img src=x onerror=alert(3)>.jsonl"
    good = messages(("user", HOSTILE), ("assistant", HOSTILE))
    file.write_bytes(as_lines([good, messages(("user", "a"), ("assistant", "b"), ("user", "c"))] * 20))
    return file


def test_a_dropped_file_is_checked_listed_and_shown(open_page: OpenPage, empty_lab: Stage, chats: Path) -> None:
    page = open_page(empty_lab, "/data")
    page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))
    drop(page, chats)
    expect(page.locator(".uploads")).to_contain_text("20 of 40 rows are trained on")
    page.locator(".datasets").get_by_role("link", name=chats.stem).first.click()
    page.get_by_label("Template").select_option("qwen")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("mark.trained").filter(has_text=HOSTILE).first).to_be_visible()
    expect(page.get_by_text("a conversation that ends with the user")).to_be_visible()
    page.get_by_role("link", name="Later rows").click()
    expect(page.locator(".data-row h3").first).to_have_text("row 11")
    page.get_by_role("link", name="Train on it").click()
    expect(page.locator("#chosen")).to_contain_text(chats.stem)


def test_a_content_that_is_there_is_not_sent_again(open_page: OpenPage, empty_lab: Stage, chats: Path) -> None:
    page = open_page(empty_lab, "/data")
    drop(page, chats)
    expect(page.locator(".uploads")).to_contain_text("20 of 40 rows are trained on")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    drop(page, chats)
    expect(page.locator(".uploads")).to_contain_text("is here already")
    assert sent == []


def test_a_refused_file_says_why_and_where(open_page: OpenPage, empty_lab: Stage, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"instruction": "a", "output": "b"}\n{"instruction": 1,\n')
    page = open_page(empty_lab, "/data")
    drop(page, file)
    expect(page.locator(".uploads")).to_contain_text("refused; nothing was kept")
    expect(page.locator(".uploads")).to_contain_text("row 2 (line 2): not valid JSON")


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 4096, 4 * 1024 * 1024 + 17])
def test_the_worker_hashes_as_others_do(open_page: OpenPage, made_up_lab: Stage, size: int) -> None:
    page = open_page(made_up_lab, "/data")
    content = os.urandom(min(size, 4096)) * -(-size // 4096 or 1)
    told = page.evaluate(
        """async ([bytes, times, size]) => {
          const worker = new Worker(document.querySelector("[data-upload]").dataset.worker, { type: "module" });
          const whole = new Uint8Array(size);
          for (let start = 0; start < size; start += bytes.length) whole.set(bytes.slice(0, size - start), start);
          return new Promise((resolve) => {
            worker.onmessage = ({ data }) => data.sha256 !== undefined && resolve(data.sha256);
            worker.postMessage(new File([whole], "x"));
          });
        }""",
        [list(content[:4096]), 0, size],
    )
    assert told == hashlib.sha256((content * 2)[:size] if len(content) < size else content[:size]).hexdigest()


def test_a_set_is_deleted_after_a_question(open_page: OpenPage, empty_lab: Stage, chats: Path) -> None:
    page = open_page(empty_lab, "/data")
    drop(page, chats)
    page.locator(".datasets").get_by_role("link", name=chats.stem).first.click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("There is no data yet")).to_be_visible()


def test_axe_finds_nothing_serious_in_a_report(open_page: OpenPage, empty_lab: Stage, chats: Path) -> None:
    page = open_page(empty_lab, "/data")
    drop(page, chats)
    page.locator(".datasets").get_by_role("link", name=chats.stem).first.click()
    page.goto(f"{page.url}?template=qwen")
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations(page)] == []


def test_it_fits_a_phone(open_page: OpenPage, empty_lab: Stage, chats: Path) -> None:
    page = open_page(empty_lab, "/data", size=NARROW)
    drop(page, chats)
    page.locator(".datasets").get_by_role("link", name=chats.stem).first.click()
    expect(page.locator(".data-row").first).to_be_visible()
    assert json.loads(page.evaluate("JSON.stringify(document.documentElement.scrollWidth)")) <= NARROW[0]
