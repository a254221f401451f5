"""People in a browser: tokens, secrets, webhooks, teams, limits and users, changed by the pages' own forms."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import NARROW, OpenPage
from tests.pages.stage import Stage

pytestmark = pytest.mark.system


def section(page: Page, name: str) -> Locator:
    """A section by its heading."""
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def say_yes(page: Page) -> None:
    """To the question that the page puts."""
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()


def test_a_token_is_shown_once_and_ended(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    tokens = section(page, "Tokens")
    tokens.get_by_label("What it is for").fill("notebook <i>")
    tokens.get_by_role("button", name="Make a token").click()
    told = page.locator("#new-token input")
    expect(told).to_have_value(re.compile("^pt_.{40}"))
    row = tokens.get_by_role("row", name="notebook <i>")
    expect(row).to_be_visible()
    tokens.get_by_role("button", name="I have kept it").click()
    expect(page.locator("#new-token")).to_be_hidden()
    expect(told).to_have_value("")
    row.get_by_role("button", name="End it").click()
    say_yes(page)
    expect(row).to_have_count(0)


def test_a_token_made_elsewhere_appears_by_itself(open_page: OpenPage, empty_lab: Stage) -> None:
    seen, other = (open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token) for _ in range(2))
    section(seen, "Tokens").get_by_label("What it is for").fill("half written")
    tokens = section(other, "Tokens")
    tokens.get_by_label("What it is for").fill("notebook")
    tokens.get_by_role("button", name="Make a token").click()
    expect(section(seen, "Tokens").get_by_role("row", name="notebook")).to_be_visible()
    expect(section(seen, "Tokens").get_by_label("What it is for")).to_have_value("half written")


def test_a_secret_is_kept_and_deleted_and_never_shown(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    secrets = section(page, "Secrets")
    secrets.get_by_label("Name").fill("OPENAI_API_KEY")
    secrets.get_by_label("Value").fill("sk-of-nobody")
    secrets.get_by_role("button", name="Keep it").click()
    row = secrets.get_by_role("row", name="OPENAI_API_KEY")
    expect(row).to_be_visible()
    expect(secrets.get_by_label("Value")).to_have_value("")
    assert "sk-of-nobody" not in page.content()
    row.get_by_role("button", name="Delete").click()
    say_yes(page)
    expect(row).to_have_count(0)


def test_a_webhook_is_made_tried_and_switched_off(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    hooks = section(page, "Webhooks")
    hooks.get_by_text("Make a webhook").click()
    hooks.get_by_label("Address").fill("https://hooks.example.net/new")
    hooks.get_by_role("button", name="Make it").click()
    expect(page.locator("#new-secret input")).to_have_value(re.compile("^whsec_"))
    item = hooks.get_by_role("listitem").filter(has_text="hooks.example.net/new")
    expect(item).to_contain_text("job.succeeded, job.failed, job.cancelled")
    item.get_by_role("button", name="Test").click()
    item.get_by_role("link", name="Deliveries").click()
    expect(item.get_by_role("row", name="webhook.test")).to_contain_text("is tried")
    item.get_by_role("button", name="Switch off").click()
    say_yes(page)
    expect(item).to_contain_text("switched off by hand")
    item.get_by_role("button", name="Switch on").click()
    expect(item.get_by_role("button", name="Test")).to_be_visible()


def test_what_is_being_written_stays_when_something_else_changes(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    section(page, "Secrets").get_by_label("Value").fill("half a key")
    section(page, "Who you are").get_by_label("Called").fill("Ada Lovelace")
    section(page, "Who you are").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada Lovelace")
    expect(section(page, "Secrets").get_by_label("Value")).to_have_value("half a key")


def test_a_lead_gives_members_other_shares_and_tools_tokens(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/teams/mt", token=empty_lab.lab.member_token)
    row = page.get_by_role("row", name=re.compile("^grace"))
    row.get_by_label("Shares of grace").fill("3")
    row.get_by_role("button", name="Save").click()
    expect(row.get_by_role("cell").first).to_have_text("3")
    expect(row.get_by_label("lead")).to_have_count(0)
    tools = section(page, "Tools")
    tools.get_by_label("Tool", exact=True).fill("nightly")
    tools.get_by_label("What the token is for").fill("cron")
    tools.get_by_role("button", name="Make a token").click()
    expect(page.locator("#new-token input")).to_have_value(re.compile("^pt_"))
    expect(tools.get_by_role("row", name="nightly")).to_be_visible()


def test_a_lead_limits_a_member(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people/teams/mt", token=empty_lab.lab.member_token)
    limits = section(page, "Limits")
    limits.get_by_label("Member (* = each)").fill("grace")
    limits.get_by_label("Amount", exact=True).fill("2")
    limits.get_by_role("button", name="Set it").click()
    row = limits.get_by_role("row", name=re.compile("grace"))
    expect(row).to_contain_text("2 jobs at once")
    row.get_by_role("button", name="Delete").click()
    say_yes(page)
    expect(row).to_have_count(0)


def test_an_administrator_makes_a_team_and_deletes_it(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people")
    page.get_by_text("Make a team").click()
    page.get_by_label("Name", exact=True).fill("robots")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("link", name="robots").click()
    page.get_by_label("Another member's name").fill("ada")
    page.get_by_role("button", name="Put in").click()
    expect(page.get_by_role("row", name=re.compile("^ada"))).to_be_visible()
    page.get_by_role("button", name="Delete the team").click()
    say_yes(page)
    page.wait_for_url("**/people")
    expect(page.get_by_role("link", name="robots")).to_have_count(0)


def test_an_administrator_switches_somebody_off_and_deletes_them(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people?show=people")
    page.get_by_label("Name", exact=True).last.fill("zoe")
    page.get_by_role("button", name="Make them").click()
    page.get_by_role("link", name="zoe").click()
    page.get_by_label("What runs").select_option("cancel")
    page.get_by_role("button", name="Switch off").click()
    say_yes(page)
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    page.get_by_role("button", name="Hand over and delete").click()
    say_yes(page)
    page.wait_for_url("**/people?show=people")
    expect(page.get_by_role("link", name="zoe")).to_have_count(0)


def test_an_administrator_sets_changes_and_deletes_a_limit(open_page: OpenPage, empty_lab: Stage) -> None:
    page = open_page(empty_lab, "/people?show=limits")
    page.get_by_label("Name (* = each").fill("ada")
    page.get_by_label("Amount", exact=True).fill("2")
    page.get_by_role("button", name="Set it").click()
    row = page.get_by_role("row", name="the user ada may run 2 jobs at once")
    row.get_by_label("Amount:").fill("5")
    row.get_by_role("button", name="Save").click()
    changed = page.get_by_role("row", name="the user ada may run 5 jobs at once")
    changed.get_by_role("button", name="Delete").click()
    say_yes(page)
    expect(changed).to_have_count(0)


def test_one_browser_signs_another_out_and_then_itself(open_page: OpenPage, empty_lab: Stage) -> None:
    other = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    page = open_page(empty_lab, "/people/ada", token=empty_lab.lab.member_token)
    sessions = section(page, "Sessions")
    row = sessions.get_by_role("row").filter(has=page.get_by_role("cell")).filter(has_not_text="this one")
    row.get_by_role("button", name="Sign out").click()
    say_yes(page)
    expect(row).to_have_count(0)
    sessions.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in**")
    other.wait_for_timeout(500)
    other.goto("/people")
    expect(other).to_have_url(re.compile("/sign-in"))


@pytest.mark.parametrize(
    "path",
    ["/people", "/people?show=limits", "/people?show=people", "/people?show=audit", "/people/ada", "/people/teams/mt"],
)
def test_nothing_runs_over_on_a_phone(open_page: OpenPage, made_up_lab: Stage, path: str) -> None:
    page = open_page(made_up_lab, path, size=NARROW)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
