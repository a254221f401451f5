"""Clusters in a browser: nodes with their GPUs, window and budget; hostile words are text."""

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import NARROW, OpenPage
from tests.pages.stage import Stage

pytestmark = pytest.mark.system


def test_nodes_window_and_budget_are_told(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab, "/clusters")
    node = page.get_by_role("listitem").filter(has_text="gpu15")
    expect(node).to_contain_text("8 not usable")
    expect(node).to_contain_text("sick")
    expect(page.get_by_role("progressbar", name="Commands")).to_have_attribute("value", "14")
    expect(page.get_by_text("at least 20 jobs of a partition")).to_be_visible()
    expect(page.get_by_text("uncorrectable ECC error <b>")).to_be_visible()


def test_it_is_asked_for_anew_by_the_clock(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab, "/clusters")
    page.evaluate("document.querySelector('[data-renew-seconds]').dataset.renewSeconds = '1'")
    with page.expect_response(lambda answer: answer.url.endswith("/clusters"), timeout=8000) as asked:
        pass
    assert asked.value.request.headers["x-fragment"] == "main"


def test_nothing_runs_over_on_a_phone(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab, "/clusters", size=NARROW)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
