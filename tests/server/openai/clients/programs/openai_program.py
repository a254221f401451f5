"""OpenAI's package, strict. Arguments: a file of chats, a base model that is served, and the id of a job that ended."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
from openai import OpenAI


def main(chats: Path, model: str, ended: str) -> None:
    """Each call that a fine-tuning needs, and what is refused."""
    client: Any = OpenAI(max_retries=0, _strict_response_validation=True)
    file_id = files(client, chats)
    jobs(client, file_id, model)
    results(client, ended)
    refusals(client, file_id, ended, model)
    chat(client, model)


def files(client: Any, chats: Path) -> str:
    """Upload, look at, list, read and delete; the id of a file."""
    with chats.open("rb") as content:
        file = client.files.create(file=content, purpose="fine-tune")
    other = client.files.create(file=("other.jsonl", chats.read_bytes()), purpose="fine-tune")
    assert client.files.retrieve(file.id).bytes == chats.stat().st_size
    assert {file.id, other.id} <= {each.id for each in client.files.list(purpose="fine-tune")}
    assert client.files.content(file.id).read() == chats.read_bytes()
    assert client.files.delete(other.id).deleted
    return str(file.id)


def jobs(client: Any, file_id: str, model: str) -> None:
    """Create, list, look at and cancel."""
    hyperparameters = {"n_epochs": 1, "batch_size": "auto", "learning_rate_multiplier": 2}
    job = client.fine_tuning.jobs.create(
        model=model,
        training_file=file_id,
        suffix="strict",
        seed=7,
        metadata={"of": "clients"},
        method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
    )
    assert (job.model, job.training_file, job.seed, job.metadata) == (model, file_id, 7, {"of": "clients"})
    assert job.method.supervised.hyperparameters.n_epochs == 1
    assert job.id in [each.id for each in client.fine_tuning.jobs.list(limit=1)]
    assert client.fine_tuning.jobs.retrieve(job.id).status in ("validating_files", "queued")
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    events = client.fine_tuning.jobs.list_events(job.id, limit=1)
    assert next(iter(events)).message.startswith("The job was cancelled")
    assert "Created fine-tuning job" in [event.message for event in events]


def results(client: Any, ended: str) -> None:
    """Checkpoints, metrics and model that a job left."""
    job = client.fine_tuning.jobs.retrieve(ended)
    assert job.status == "succeeded"
    steps = [each.step_number for each in client.fine_tuning.jobs.checkpoints.list(ended, limit=1)]
    assert steps == sorted(steps, reverse=True)
    assert len(steps) > 1
    assert client.files.content(job.result_files[0]).read().startswith(b"step,train_loss")
    assert client.models.retrieve(job.fine_tuned_model).id == job.fine_tuned_model
    assert job.fine_tuned_model in [each.id for each in client.models.list()]


def refusals(client: Any, file_id: str, ended: str, model: str) -> None:
    """Errors of their classes, with code and param."""
    create = client.fine_tuning.jobs.create
    refused(openai.NotFoundError, lambda: client.files.retrieve("file-none"), ("not_found", None))
    refused(openai.NotFoundError, lambda: client.models.retrieve("org/none"), ("not_found", None))
    refused(openai.BadRequestError, lambda: client.fine_tuning.jobs.cancel(ended), ("conflict", None))
    refused(openai.BadRequestError, lambda: create(model="none", training_file=file_id), ("invalid", "model"))
    stranger = client.with_options(api_key="pt_wrong")
    refused(openai.AuthenticationError, stranger.models.list, ("invalid_api_key", None))
    messages = [{"role": "user", "content": "too long"}]
    too_long = ("context_length_exceeded", "messages")
    refused(openai.BadRequestError, lambda: client.chat.completions.create(model=model, messages=messages), too_long)


def refused(kind: type[openai.APIStatusError], call: Callable[[], Any], expected: tuple[str, str | None]) -> None:
    """A call is refused by an error of this kind, with this code and param."""
    told: openai.APIStatusError | None = None
    try:
        call()
    except kind as error:
        told = error
    assert told is not None, f"{expected} was not refused"
    assert (told.code, told.param) == expected, (told.code, told.param)
    assert told.request_id


def chat(client: Any, model: str) -> None:
    """Answers, whole and streamed, of messages and of a raw prompt."""
    messages = [{"role": "user", "content": "Tell"}]
    whole = client.chat.completions.create(model=model, messages=messages)
    assert whole.choices[0].message.content == "Once upon a time"
    stream = client.chat.completions.create(
        model=model, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = stream
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Once upon a time"
    assert last.usage.completion_tokens == 3
    assert client.completions.create(model=model, prompt="Tell").choices[0].text == "Once upon a time"


main(Path(sys.argv[1]), *sys.argv[2:])
