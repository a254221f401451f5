from typing import Any, cast

import pytest

from packtrain.cli.request.job_changes import advice_in, laid_over, said_changes
from packtrain.cli.request.job_request import JobOptions
from packtrain.schema import Event


def _events(*data: tuple[str, dict[str, Any]]) -> list[Event]:
    return [cast(Event, {"type": kind, "data": values}) for kind, values in data]


def test_what_was_not_said_is_not_changed() -> None:
    assert said_changes(JobOptions(resources=(("memory", None),))) == {}


def test_what_was_said_is_read_as_yaml() -> None:
    said = said_changes(JobOptions(model="m", settings=("a=null", "b=[1]"), resources=(("nodes", 2),)))
    assert said == {"config": {"model_name_or_path": "m", "a": None, "b": [1]}, "resources": {"nodes": 2}}


def test_what_is_said_wins_argument_by_argument() -> None:
    both = laid_over({"config": {"a": 1, "b": 1}, "held": True}, {"config": {"b": 2}, "resources": {"nodes": 2}})
    assert both == {"config": {"a": 1, "b": 2}, "resources": {"nodes": 2}, "held": True}


@pytest.mark.parametrize(
    ("events", "advice"),
    [
        (_events(("warning", {"retry": {"config": {"a": 1}}}), ("warning", {"retry": {}})), {}),
        (_events(("warning", {"retry": {"config": {"a": 1}}}), ("warning", {})), {"config": {"a": 1}}),
        (_events(("warning", {"retry": None}), ("job.queued", {"retry": {}})), None),
        ([], None),
    ],
)
def test_advice_is_that_of_the_newest_warning_with_any(events: list[Event], advice: dict[str, Any] | None) -> None:
    assert advice_in(events) == advice
