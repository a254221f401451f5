"""Pictures of the pages for README and guides, from the pages themselves: `make pictures`."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, ViewportSize, sync_playwright

from container import pages
from container.steps import say, step
from tests.pages.conftest import CHROMIUM, sign_in
from tests.pages.stage import Stage, stage

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "pages"
_SIZE = ViewportSize(width=1280, height=800)
_QUALITY = 80
_JOBS = 200
_SETTLED_MILLISECONDS = 1500
"""Until curves are drawn."""


def addresses(staged: Stage) -> Mapping[str, str]:
    """Address of each page that has a picture, by the picture's name."""
    lab = staged.lab
    return {
        "queue": "/",
        "job": f"/jobs/{lab.running_job}",
        "new-job": f"/jobs/new?from={lab.succeeded_job}",
        "data": "/data",
        "compare": f"/compare?job={lab.running_job}&job={lab.succeeded_job}",
        "clusters": "/clusters",
        "people": "/people",
        "api": "/docs",
    }


def take(page: Page, staged: Stage, folder: Path) -> None:
    """Write the picture of each page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, address in addresses(staged).items():
        page.goto(address)
        page.wait_for_timeout(_SETTLED_MILLISECONDS)
        page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=_QUALITY)


def main() -> None:
    """Make them all anew."""
    pages.build()
    with TemporaryDirectory() as state, stage(Path(state), _JOBS) as staged, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport=_SIZE, base_url=staged.url, color_scheme="light", locale="en-GB")
        sign_in(context, staged.lab.administrator_token)
        with step("taking the pictures"):
            take(context.new_page(), staged, FOLDER)
        browser.close()
    say(f"{FOLDER} has {len(list(FOLDER.glob('*.jpg')))} pictures")


if __name__ == "__main__":
    main()
