"""The worker's clock jumps with what is in the file, and its monotonic clock does not."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.chaos import moved_clock
from worker.loop import now_utc

HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "clock"
    file.write_text("0")
    moved_clock.move(file)
    yield file
    patch.stopall()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_the_workers_clock_jumps_and_its_monotonic_clock_does_not(file: Path, jump: timedelta) -> None:
    before, seconds, monotonic = now_utc(), time.time(), time.monotonic()
    assert abs(datetime.now(UTC) - before) < HOUR / 2
    file.write_text(str(jump.total_seconds()))
    assert abs(now_utc() - before - jump) < HOUR / 2
    assert abs(time.time() - seconds - jump.total_seconds()) < HOUR.total_seconds() / 2
    assert time.monotonic() - monotonic < HOUR.total_seconds() / 2
