"""A reported end is given the retry that helps: the same again, less, more, or none."""

from typing import Any

import pytest

from tests.fixtures.failures.ends import ReportedEnd, reported
from tuning.jobs.attempt.retry_advice import FailedRun, advise
from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import ConfigContext
from tuning.llamafactory.outcome.failure import End, explain

RUN = FailedRun(
    {
        "model_name_or_path": "/models/a",
        "dataset": "a",
        "template": "llama3",
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 8,
    },
    {"nodes": 1, "gpus_per_node": 1, "memory": "64G", "time_limit": "08:00:00"},
    ConfigContext(AllowedPlaces(("/models",), {}, hub_models=False)),
)
RETRIES: dict[str, dict[str, Any] | None] = {
    "null": None,
    "{} (the same again)": {},
    "more memory": {"resources": {"memory": "128G"}},
    "a smaller batch": {"config": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 16}},
}


@pytest.mark.parametrize("end", tuple(reported()), ids=lambda end: end.name)
def test_a_reported_end_has_the_retry_that_helps(end: ReportedEnd) -> None:
    failure = explain(End(end.exit_code, end.word, end.stderr))
    assert advise(failure.code, RUN).retry == RETRIES[end.retry]
