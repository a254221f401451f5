"""Every page by axe's rules, and by keyboard."""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from container.pages import FOLDER
from tests.pages.conftest import OpenPage
from tests.pages.stage import Stage

pytestmark = pytest.mark.system
PATHS = ("/", "/?status=failed", "/jobs/new?recipe=lora-sft", "/data", "/compare", "/chat", "/docs")
_AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = ("serious", "critical")
_RUN = "axe.run(document, {resultTypes: ['violations']})"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, made_up_lab: Stage, path: str, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(made_up_lab, path)
    page.emulate_media(color_scheme=scheme)
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations(page)] == []


@pytest.mark.parametrize("status", ["running", "failed", "queued"])
def test_the_page_of_a_job_is_as_good(open_page: OpenPage, made_up_lab: Stage, status: str) -> None:
    page = open_page(made_up_lab, f"/?status={status}")
    page.locator("td.name a").first.click()
    page.wait_for_selector("#state")
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations(page)] == []


def test_the_sign_in_page_is_as_good(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab)
    page.context.clear_cookies()
    page.goto("/sign-in")
    assert violations(page) == []


def test_the_first_tab_leads_past_the_navigation(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_job_is_chosen_and_held_by_keyboard(open_page: OpenPage, own_lab: Stage) -> None:
    page = open_page(own_lab)
    page.locator('input[name="job"]').first.focus()
    page.keyboard.press("Space")
    assert page.locator("#chosen").is_visible()


def violations(page: Page) -> list[dict[str, Any]]:
    """Serious findings of axe on a page."""
    page.evaluate(Path(_AXE).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(_RUN)["violations"]
    return [each for each in found if each["impact"] in _SERIOUS]
