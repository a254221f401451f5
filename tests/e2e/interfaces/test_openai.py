"""OpenAI's client from an upload to a model that is trained on: real runs on the lab cluster."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.e2e.site import PATIENCE_SECONDS, Site, wait_for

EXAMPLES = Path(__file__).parents[3] / "examples"
CHATS = EXAMPLES / "datasets/ja-en-chats.jsonl"
MODEL = "tiny-qwen2"
ENDED = ("succeeded", "failed", "cancelled")


@pytest.fixture(scope="module")
def variables(site: Site) -> dict[str, str]:
    """The two variables that OpenAI's clients read."""
    env = site.env()
    return {"OPENAI_BASE_URL": f"{env['PACKTRAIN_URL']}/v1", "OPENAI_API_KEY": env["PACKTRAIN_TOKEN"]}


@pytest.fixture(scope="module")
def openai(variables: dict[str, str]) -> Iterator[OpenAI]:
    url, key = variables.values()
    with OpenAI(base_url=url, api_key=key, _strict_response_validation=True) as client:
        yield client


@pytest.fixture(scope="module")
def told(variables: dict[str, str]) -> str:
    """What the example prints."""
    command = [sys.executable, str(EXAMPLES / "openai_loop.py"), str(CHATS), MODEL]
    done = subprocess.run(
        command, check=False, env={**os.environ, **variables}, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def model(told: str) -> str:
    found = re.search(r"the model is (ft:\S+),", told)
    assert found is not None
    return found[1]


def test_the_example_follows_a_run_to_its_model(told: str) -> None:
    assert "Created fine-tuning job" in told
    assert "Fine-tuning job started" in told
    assert re.search(r"Step \d+: .*train_loss=", told)
    assert "The job has successfully completed" in told
    assert "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy" in told
    tokens = re.search(r"trained on (\d+) tokens", told)
    assert tokens is not None
    assert int(tokens[1]) > 0
    assert "tokens, and says:\n" in told


def test_its_checkpoints_have_metrics_and_names(openai: OpenAI, model: str) -> None:
    job = next(job for job in openai.fine_tuning.jobs.list() if job.fine_tuned_model == model)
    checkpoints = list(openai.fine_tuning.jobs.checkpoints.list(job.id))
    steps = [checkpoint.step_number for checkpoint in checkpoints]
    assert steps == sorted(steps, reverse=True)
    assert steps
    assert [each.fine_tuned_model_checkpoint for each in checkpoints] == [f"{model}:ckpt-step-{n}" for n in steps]


def test_the_next_job_goes_on_from_it(openai: OpenAI, model: str) -> None:
    first = next(job for job in openai.fine_tuning.jobs.list() if job.fine_tuned_model == model)
    assert first.training_file.startswith("file-")
    quick = {"config": {"max_steps": 2, "cutoff_len": 128, "val_size": 0.0, "eval_strategy": "no"}}
    job = openai.fine_tuning.jobs.create(model=model, training_file=first.training_file, extra_body=quick)
    assert job.model == model

    def ended() -> str | None:
        status = openai.fine_tuning.jobs.retrieve(job.id).status
        return status if status in ENDED else None

    assert wait_for("end", ended) == "succeeded"
