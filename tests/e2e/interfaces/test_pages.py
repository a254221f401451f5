"""Pages in a browser on the lab cluster: from a dropped file to the end of a run, and through a server's restart."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from container import pages, stack
from container.background import find_process
from packtrain.client import Packtrain
from tests.e2e.site import PATIENCE_SECONDS, SHORT_RUN, Site, second_site, wait_for, wait_status
from tests.pages.conftest import CHROMIUM, sign_in

ROWS = [{"instruction": "Translate.", "input": f"犬 {number}", "output": f"dog {number}"} for number in range(40)]
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"
CONFIG = """\
model_name_or_path: tiny-llama
stage: sft
finetuning_type: lora
template: llama3
cutoff_len: 256
max_steps: 40
logging_steps: 2
learning_rte: 0.001
"""
_MILLISECONDS = 1000.0
WAIT = PATIENCE_SECONDS * _MILLISECONDS

Looking = Callable[[Site, str], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    pages.build()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def looking(browser: Browser) -> Iterator[Looking]:
    """A page of a site, signed in with a token."""
    with ExitStack() as open_contexts:

        def look(site: Site, token: str) -> Page:
            context = browser.new_context(base_url=site.env()["PACKTRAIN_URL"])
            open_contexts.callback(context.close)
            context.set_default_timeout(WAIT)
            sign_in(context, token)
            return context.new_page()

        yield look


def test_a_file_is_dropped_a_job_is_sent_and_its_curve_grows_to_the_end(
    site: Site, client: Packtrain, looking: Looking, tmp_path: Path
) -> None:
    file = tmp_path / "dogs.json"
    file.write_text(json.dumps(ROWS), encoding="utf-8")
    page = looking(site, site.env()["PACKTRAIN_TOKEN"])
    page.goto("/data")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator(".uploads")).to_contain_text("40 of 40 rows are trained on", timeout=WAIT)
    (data,) = client.datasets(q="dogs")["data"]

    page.goto(f"/jobs/new?dataset={data['id']}")
    _write(page, CONFIG)
    finding = page.locator("#findings li").filter(has_text="learning_rte")
    expect(finding).to_contain_text("learning_rate", timeout=WAIT)
    _write(page, CONFIG.replace("learning_rte", "learning_rate"))
    expect(page.locator("#state")).to_contain_text("It would be taken.", timeout=WAIT)
    expect(finding).to_have_count(0)
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/jobs/job_"))

    job_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator(".status-succeeded")).to_be_visible(timeout=WAIT)
    expect(page.locator(".chart-legend").first).to_contain_text(re.compile(r"loss [\d.]+"), timeout=WAIT)
    expect(page.get_by_text("adapter_model.safetensors").first).to_be_visible(timeout=WAIT)
    assert client.job(job_id)["status"] == "succeeded"
    assert len(site.sacct(client.job(job_id))) == 1

    page.goto(f"/compare?job={job_id}&job={job_id}")
    expect(page.locator(".chart-legend").first).to_contain_text("loss", timeout=WAIT)
    assert "broken" not in page.title()


def test_several_jobs_are_cancelled_from_the_queue(site: Site, client: Packtrain, looking: Looking) -> None:
    jobs = [client.submit(name=f"several {number}", config=SHORT_RUN, held=True) for number in range(3)]
    page = looking(site, site.env()["PACKTRAIN_TOKEN"])
    page.goto("/?q=several")
    for job in jobs:
        page.locator(f'input[name="job"][value="{job["id"]}"]').check()
    page.locator("#chosen").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("3 done")).to_be_visible(timeout=WAIT)
    for job in jobs:
        wait_status(client, job["id"], "cancelled")


def test_a_failure_is_retried_as_advised(site: Site, client: Packtrain, looking: Looking) -> None:
    config = {**SHORT_RUN, "max_steps": 100_000, "enable_jit_checkpoint": False}
    job = client.submit(config=config, resources={"time_limit": "00:01:00"})
    page = looking(site, site.env()["PACKTRAIN_TOKEN"])
    page.goto(f"/jobs/{job['id']}")
    expect(page.get_by_role("button", name="Retry as advised")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("the time limit was reached").first).to_be_visible()
    page.get_by_role("button", name="Retry as advised").click()
    retried = wait_for("retry", lambda: next((it for it in client.jobs()["data"] if it["retry_of"] == job["id"]), None))
    page.wait_for_url(f"**/jobs/{retried['id']}")  # Chromium may hang where a page is closed on its way to another
    client.cancel(retried["id"])
    assert retried["resources"]["time_limit"] == "00:02:00"


def test_somebody_else_looks_and_changes_nothing(site: Site, client: Packtrain, looking: Looking) -> None:
    job = client.submit(name="of the administrator", config=SHORT_RUN, held=True)
    token = client.create_token("pages", user="visitor")["token"]
    page = looking(site, token)
    page.goto(f"/jobs/{job['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("of the administrator")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    client.cancel(job["id"])


def test_an_open_page_outlives_a_restart_and_tells_of_a_dead_worker(
    site: Site, looking: Looking, tmp_path: Path
) -> None:
    with second_site(tmp_path / "restarted", site.lab, PACKTRAIN_LEASE_SECONDS="5") as own, own.client() as client:
        page = looking(own, own.env()["PACKTRAIN_TOKEN"])
        page.goto("/")
        expect(page.locator("#connection")).to_be_hidden()
        own.kill("server")
        expect(page.locator("#connection")).to_be_visible(timeout=WAIT)
        _start_again(own)
        expect(page.locator("#connection")).to_be_hidden(timeout=WAIT)
        client.submit(name="sent after the restart", config=SHORT_RUN, held=True)
        expect(page.get_by_text("sent after the restart")).to_be_visible(timeout=WAIT)
        own.kill("worker")
        expect(page.get_by_text(re.compile("no worker drives"))).to_be_visible(timeout=WAIT)


def _start_again(own: Site) -> None:
    own.start("server")
    wait_for("server", lambda: find_process(stack.pid_file(own.state, "server")))
    stack.wait_until_ready(own.state, own.port)


def _write(page: Page, text: str) -> None:
    """Into the editor, in place of what it holds."""
    page.get_by_role("textbox", name="Configuration").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
