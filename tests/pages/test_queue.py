"""The queue page in a browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import NARROW, WIDE, OpenPage
from tests.pages.stage import Stage

pytestmark = pytest.mark.system


def test_filters_are_in_the_address_and_come_back_with_it(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_role("heading", name="Jobs found")).to_be_visible()
    assert page.url.endswith("/?status=failed")
    page.go_back()
    expect(page.get_by_role("heading", name="Lately ended")).to_be_visible()


def test_a_search_finds_a_job_by_a_part_of_its_name(open_page: OpenPage, made_up_lab: Stage) -> None:
    page = open_page(made_up_lab)
    page.get_by_label(re.compile("Search")).fill("要約")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Jobs found")).to_be_visible()
    names = page.locator("td.name a").all_inner_texts()
    assert names
    assert all("要約" in name for name in names)


def test_several_jobs_are_held_at_once_and_released_again(open_page: OpenPage, own_lab: Stage) -> None:
    page = open_page(own_lab)
    _choose(page, "Waiting", 2)
    expect(page.get_by_role("status").filter(has_text="2 chosen")).to_be_visible()
    before = _count(page, "Held")
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("2 done")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile(f"Held {before + 2}"))).to_be_visible()
    _choose(page, "Held", before + 2)
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text(f"{before + 2} done")).to_be_visible()


def test_several_jobs_are_cancelled_after_a_question(open_page: OpenPage, own_lab: Stage) -> None:
    page = open_page(own_lab)
    _choose(page, "Waiting", 3)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancel 3 jobs?")).to_be_visible()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("3 done")).to_be_visible()


def test_a_member_may_do_nothing_to_jobs_of_others(open_page: OpenPage, own_lab: Stage) -> None:
    page = open_page(own_lab, token=own_lab.lab.member_token)
    page.locator('input[name="job"]:not([data-team="mt"])[data-status="running"]').first.check()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_change_by_somebody_else_appears_by_itself(open_page: OpenPage, own_lab: Stage) -> None:
    page = open_page(own_lab)
    other = open_page(own_lab)
    job = _part(other, "Waiting").locator('tr:has([data-status="queued"]) td.name a').first.get_attribute("href")
    _call(other, f"/api/v1{job}/hold")
    expect(_part(page, "Held").locator(f'a[href="{job}"]')).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_nothing_is_wider_than_the_window(open_page: OpenPage, made_up_lab: Stage, size: tuple[int, int]) -> None:
    page = open_page(made_up_lab, size=size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_an_empty_queue_leads_to_the_first_job(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab)
    expect(page.get_by_role("link", name="Send the first one")).to_have_attribute("href", "/jobs/new")


def _choose(page: Page, part: str, count: int) -> None:
    """Of those that wait the ones that are not in Slurm's hands: no worker drives this lab."""
    boxes = _part(page, part).locator('input[name="job"]:not([data-status="pending"])')
    for number in range(count):
        boxes.nth(number).check()


def _part(page: Page, part: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=re.compile(f"^{part}")))


def _count(page: Page, part: str) -> int:
    heading = page.get_by_role("heading", name=re.compile(f"^{part}"))
    return int(heading.locator(".number").inner_text().rstrip("+")) if heading.count() else 0


def _call(page: Page, path: str) -> None:
    """As a page's script does."""
    token = page.locator('meta[name="csrf-token"]').get_attribute("content")
    answer = page.request.post(path, headers={"X-CSRF-Token": token or "", "Sec-Fetch-Site": "same-origin"})
    assert answer.ok, answer.text()
