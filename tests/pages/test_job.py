"""The page of a job in a browser: curves, logs, what comes live, and what its buttons do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.pages.conftest import NARROW, OpenPage
from tests.pages.stage import Stage
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.jobs.models import FilePosition, Job, LogChunk, MetricPoint
from tuning.jobs.transition import record_event

pytestmark = pytest.mark.system


@contextmanager
def changing(folder: Path) -> Iterator[Session]:
    """The stage's database, as a worker would change it."""
    engine = open_engine(f"sqlite:///{folder / 'packtrain.db'}")
    with transaction(open_sessions(engine)) as session:
        yield session
    engine.dispose()


def test_curves_are_zoomed_by_mouse_keys_and_buttons(made_up_lab: Stage, open_page: OpenPage) -> None:
    page = open_page(made_up_lab, f"/jobs/{made_up_lab.lab.running_job}")
    chart = page.get_by_role("img").first
    chart.focus()
    places = [_ticks(page)]
    for key in ("+", "ArrowRight", "0"):
        page.keyboard.press(key)
        places.append(_ticks(page))
    assert places[0] == places[3]
    assert len({*places}) == 3
    _drag(page)
    assert _ticks(page) != places[0]
    page.get_by_role("button", name="All").click()
    assert _ticks(page) == places[0]


def test_curves_are_a_table_too(made_up_lab: Stage, open_page: OpenPage) -> None:
    page = open_page(made_up_lab, f"/jobs/{made_up_lab.lab.succeeded_job}")
    page.get_by_text("The values as a table").click()
    table = page.get_by_role("table", name="The values as a table")
    expect(table.get_by_role("columnheader", name="eval_loss")).to_be_visible()
    assert table.get_by_role("row").count() > 20


def test_a_log_is_searched_and_has_two_streams(made_up_lab: Stage, open_page: OpenPage) -> None:
    page = open_page(made_up_lab, f"/jobs/{made_up_lab.lab.failed_job}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("stdout of the run <b>not bold</b>")
    page.get_by_label("Only lines with").fill("EVAL_LOSS")
    expect(log).not_to_contain_text("not bold")
    log.get_by_role("button").first.click()
    expect(log).to_contain_text("not bold")
    expect(log.locator("mark")).to_contain_text("eval_loss")
    page.get_by_label("stderr", exact=True).check()
    expect(log).to_contain_text("stderr of the run")


def test_progress_curve_and_log_come_by_themselves(own_lab: Stage, open_page: OpenPage, tmp_path: Path) -> None:
    job_id = own_lab.lab.running_job
    assert job_id is not None
    page = open_page(own_lab, f"/jobs/{job_id}")
    expect(page.locator(".chart-where").first).to_contain_text("step")
    with changing(tmp_path) as session:
        _go_on(session, job_id)
    expect(page.locator('[data-part="steps"]')).to_have_text("1199/1200")
    expect(page.get_by_role("log")).to_contain_text("a line that came later")
    expect(page.locator("#events")).to_contain_text("checkpoint 1199 was saved")
    expect(page.locator(".chart-where").first).to_have_text("step 1,199", timeout=15_000)


def test_buttons_follow_the_status(own_lab: Stage, open_page: OpenPage, tmp_path: Path) -> None:
    with changing(tmp_path) as session:
        session.get_one(Job, own_lab.lab.running_job).kind = "train"
    page = open_page(own_lab, f"/jobs/{own_lab.lab.running_job}", size=NARROW)
    page.get_by_role("button", name="Hold", exact=True).click()
    release = page.get_by_role("button", name="Release", exact=True)
    expect(release).to_be_visible()
    expect(page.get_by_role("button", name="Hold", exact=True)).to_have_count(0)
    release.click()
    expect(page.get_by_role("button", name="Hold", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#state")).to_contain_text("It is being cancelled")


def test_a_retry_as_advised_leads_to_the_new_job(own_lab: Stage, open_page: OpenPage) -> None:
    failed = own_lab.lab.failed_job
    assert failed is not None
    page = open_page(own_lab, f"/jobs/{failed}")
    page.get_by_role("button", name="Retry as advised").click()
    page.wait_for_url(lambda url: failed not in url)
    expect(page.locator("#relatives")).to_contain_text("is a retry of")
    expect(page.locator("#configuration")).to_contain_text("per_device_train_batch_size")


def test_a_phone_needs_no_sideways_scrolling(made_up_lab: Stage, open_page: OpenPage) -> None:
    for job_id in (made_up_lab.lab.running_job, made_up_lab.lab.failed_job):
        page = open_page(made_up_lab, f"/jobs/{job_id}", size=NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]


def _ticks(page: Page) -> str:
    """The plot as it is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    picture: str = page.evaluate("() => document.querySelector('#charts canvas').toDataURL()")
    return picture


def _drag(page: Page) -> None:
    page.locator("#charts").scroll_into_view_if_needed()
    box = page.locator("#charts .u-over").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 60, steps=3)
    page.mouse.up()


def _go_on(session: Session, job_id: str) -> None:
    """A further step, with a line in the log and a checkpoint."""
    job, now = session.get_one(Job, job_id), datetime.now(UTC)
    job.current_steps, job.percentage, job.version, job.updated_at = 1199, 99.9, job.version + 1, now
    values = {"loss": 0.5}
    session.add(MetricPoint(job_id=job_id, attempt=1, step=1199, kind="train", at=now, epoch=3.0, values=values))
    chunks = session.query(LogChunk).filter_by(job_id=job_id, stream="stdout").all()
    offset, line = sum(len(chunk.content) for chunk in chunks), b"a line that came later\n"
    place = {"job_id": job_id, "attempt": 1, "stream": "stdout"}
    session.add(LogChunk(**place, offset_bytes=offset, content=line))
    session.merge(FilePosition(**place, inode=1, size_bytes=offset + len(line), offset_bytes=offset + len(line)))
    record_event(session, job_id, "checkpoint.saved", "checkpoint 1199 was saved", now, {"step": 1199})
    session.flush()
    job.progress_at = now - timedelta(seconds=1)
