"""Numbers of a job's body are bounded where they enter: never an error of the server, always a place and a hint."""

from typing import Any

import pytest
from starlette.testclient import TestClient

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
HUGE: tuple[Any, ...] = (2**31, 2**63, 10**30, -(2**63), 1e12, 1e308)


def errors_of(client: TestClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the 422; where the body has a job's form, `validate` must find the same."""
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    errors: list[dict[str, Any]] = answer.json()["errors"]
    answer = client.post("/api/v1/jobs/validate", json=body)
    assert answer.status_code in (200, 422)
    assert answer.json()["errors"] == errors
    return errors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 100_000_000_000_000),
        ("num_train_epochs", 1e12),
        ("logging_steps", 100_000_000_000),
        ("logging_steps", "1e11"),
        ("gradient_accumulation_steps", 2**62),
        ("per_device_train_batch_size", 2**62),
        ("cutoff_len", 2**62),
        ("save_total_limit", 2**62),
        ("ddp_timeout", 2**62),
        ("lr_scheduler_kwargs", '{"a": 1e400}'),
        ("lr_scheduler_kwargs", '{"a\\u0000": 1}'),
    ],
)
def test_a_number_of_the_configuration_beyond_any_run_is_refused(client: TestClient, name: str, value: Any) -> None:
    (error,) = errors_of(client, {"config": {**CONFIG, name: value}})
    assert error["loc"][:3] == ["body", "config", name]
    assert error["hint"]


@pytest.mark.parametrize("text", ["1e400", ".inf", ".nan", "1" + "0" * 30, "9" * 5000])
def test_a_number_of_the_yaml_beyond_any_run_is_refused(client: TestClient, text: str) -> None:
    yaml = "model_name_or_path: tiny-qwen2\ndataset: identity\ntemplate: qwen\nmax_steps: "
    assert errors_of(client, {"config_yaml": f"{yaml}{text}\n"})


@pytest.mark.parametrize(
    "place",
    [
        ("priority",),
        ("checkpoint",),
        ("keep_checkpoints",),
        ("resources", "nodes"),
        ("resources", "gpus_per_node"),
        ("resources", "cpus_per_gpu"),
        ("resources", "memory"),
        ("resources", "time_limit"),
        ("continuation", "max_attempts"),
    ],
)
def test_a_number_of_the_body_that_no_column_takes_is_refused(client: TestClient, place: tuple[str, ...]) -> None:
    for value in HUGE:
        is_text = place[-1] in ("memory", "time_limit")
        given: Any = str(value) if is_text else value
        for name in reversed(place):
            given = {name: given}
        errors = errors_of(client, {"config": CONFIG, **given})
        assert ["body", *place] in [error["loc"] for error in errors]
