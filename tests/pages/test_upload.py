"""A large data file in a browser: sent in parts, gone on with after an outage and after a reload."""

import hashlib
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.pages.conftest import OpenPage
from tests.pages.stage import Stage
from tests.pages.test_data import drop
from tests.tuning.datasets.files import as_lines, messages

pytestmark = pytest.mark.system

PART_BYTES = 4 * 1024 * 1024
PARTS = 4
TO_PARTS = re.compile(r"/api/v1/uploads/[^/]+/parts/\d+$")


class Network:
    """Counts the parts that a page sends; those beyond a number meet no server, or a slow one."""

    def __init__(self, page: Page) -> None:
        self.passed: list[int] = []
        self.most_passed = PARTS
        self.is_slow = False
        self._held: Route | None = None
        page.route(TO_PARTS, self._part)

    def forget_held(self) -> None:
        """Forget requests that were held up: they are gone with their page."""
        self._held = None

    def come_back(self) -> None:
        """Let everything through, and what is held up first."""
        self.most_passed = PARTS
        if self._held is not None:
            self._part(self._held, self._held.request)

    def _part(self, route: Route, request: Request) -> None:
        if len(self.passed) < self.most_passed:
            self.passed.append(int(request.url.rsplit("/", 1)[1]))
            route.continue_()
        elif self.is_slow:
            self._held = route
        else:
            route.abort("connectionrefused")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A good file of four parts."""
    file = tmp_path / "large.jsonl"
    line = as_lines([messages(("user", "a" * 8000), ("assistant", "b" * 8000))])
    file.write_bytes(line * (PART_BYTES * (PARTS - 1) // len(line) + 1))
    assert PART_BYTES * (PARTS - 1) < file.stat().st_size < PART_BYTES * PARTS
    return file


@pytest.fixture
def page(open_page: OpenPage, empty_lab: Stage) -> Page:
    return open_page(empty_lab, "/data")


def told(page: Page, words: str) -> None:
    expect(page.locator(".uploads")).to_contain_text(words)


def begun_anew(staged: Stage, file: Path) -> bool:
    """Whether the server has nothing of a file."""
    content = file.read_bytes()
    body = {"name": file.name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    headers = {"Authorization": f"Bearer {staged.lab.administrator_token}"}
    begun = httpx.post(f"{staged.url}/api/v1/uploads", json=body, headers=headers).json()
    return list(begun["parts"]) == []


def test_it_goes_on_after_an_outage_and_sends_no_part_twice(page: Page, large: Path) -> None:
    network = Network(page)
    network.most_passed = 2
    drop(page, large)
    told(page, "no answer; it goes on by itself (66 % are there)")
    network.come_back()
    told(page, "rows are trained on")
    assert network.passed == [1, 2, 3, 4]


def test_the_same_file_dropped_after_a_reload_goes_on(page: Page, large: Path) -> None:
    network = Network(page)
    network.most_passed, network.is_slow = 2, True
    with page.expect_request(lambda request: request.url.endswith("/parts/3")):
        drop(page, large)
    page.reload()
    network.forget_held()
    drop(page, large)
    told(page, "going on at 66 %: 8.4 MB of 12.6 MB (66 %)")
    network.come_back()
    told(page, "rows are trained on")
    assert network.passed == [1, 2, 3, 4]


def test_a_stopped_upload_leaves_nothing(page: Page, empty_lab: Stage, large: Path) -> None:
    network = Network(page)
    network.most_passed = 1
    drop(page, large)
    told(page, "no answer")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Stop the upload of large.jsonl").click()
    expect(page.locator(".upload")).to_have_count(0)
    assert begun_anew(empty_lab, large)


def test_a_refused_file_leaves_nothing(page: Page, empty_lab: Stage, large: Path) -> None:
    large.write_bytes(large.read_bytes() + b"{\n")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        drop(page, large)
    told(page, "refused; nothing was kept")
    assert begun_anew(empty_lab, large)
