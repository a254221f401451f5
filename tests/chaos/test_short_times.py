"""The worker's times can be shortened: the names are there, and each becomes shorter."""

import importlib

import pytest

from tests.chaos import short_times


def test_every_time_is_one_of_the_workers_and_becomes_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {
        (module, name): getattr(importlib.import_module(module), name)
        for module, times in short_times.SHORT.items()
        for name in times
    }
    for (module, name), value in before.items():
        monkeypatch.setattr(f"{module}.{name}", value)  # put back at the end
    short_times.shorten()
    for (module, name), value in before.items():
        assert getattr(importlib.import_module(module), name) < value


def test_a_name_that_the_worker_no_longer_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_times, "SHORT", {"worker.observe.judgement": {"MISSING_POLLS": 1.0}})
    with pytest.raises(TypeError, match="MISSING_POLLS"):
        short_times.shorten()
