"""Fixtures of pages in a browser: Debian's Chromium, a made-up lab, and somebody who is signed in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from container import pages
from tests.pages.stage import Stage, stage

CHROMIUM = "/usr/bin/chromium"
WIDE = (1440, 900)
NARROW = (390, 844)

# No test is red for the time that it takes.
PATIENCE_MILLISECONDS = 60_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)

OpenPage = Callable[..., Page]
_TOLD = ("status of 422", "ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="session")
def built() -> None:
    """Script and style: a server reads their names when it starts."""
    pages.build()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. While it is there, an event loop runs in this thread: no coroutine of another test could."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def made_up_lab(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server on a lab of 200 jobs, which tests only look at."""
    with stage(tmp_path_factory.mktemp("stage"), 200) as staged:
        yield staged


@pytest.fixture
def empty_lab(built: None, tmp_path: Path) -> Iterator[Stage]:
    """A server without jobs."""
    with stage(tmp_path, 0) as staged:
        yield staged


@pytest.fixture
def own_lab(built: None, tmp_path: Path) -> Iterator[Stage]:
    """A server on a lab of 60 jobs, for tests that change something."""
    with stage(tmp_path, 60) as staged:
        yield staged


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a page of a stage as somebody signed in; every error of its console fails the test."""
    errors: list[str] = []
    with ExitStack() as stack:

        def opened(staged: Stage, path: str = "/", *, token: str | None = None, size: tuple[int, int] = WIDE) -> Page:
            context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=staged.url)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            sign_in(context, token or staged.lab.administrator_token)
            page = context.new_page()
            page.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(path)
            return page

        yield opened
    assert errors == []


def is_error(message: ConsoleMessage) -> bool:
    """Whether a message of the console is one.

    That the API refused something, or that the server is away (as when a test has ended), the page tells by itself.
    """
    return message.type == "error" and not any(words in message.text for words in _TOLD)


def sign_in(context: BrowserContext, token: str) -> None:
    """By the form, as people do."""
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    page.close()
