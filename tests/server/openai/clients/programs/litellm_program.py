"""litellm. Arguments: a file of chats, a base model that is served, and the id of a job that ended."""

import os
import sys
from pathlib import Path
from typing import Any

import litellm


def main(chats: Path, model: str, ended: str) -> None:
    """Files, a fine-tuning, and chats, at a base of one's own."""
    litellm.num_retries = 0
    place = {"api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"]}
    train(chats, model, {"custom_llm_provider": "openai", **place})
    assert litellm.retrieve_fine_tuning_job(ended, "openai", **place).status == "succeeded"
    chat(f"openai/{model}", place)


def train(chats: Path, model: str, place: dict[str, Any]) -> None:
    """Upload, create, list, look at, cancel, delete."""
    with chats.open("rb") as content:
        file = litellm.create_file(file=content, purpose="fine-tune", **place)
    assert litellm.file_retrieve(file.id, **place).id == file.id
    assert file.id in [each.id for each in litellm.file_list(**place)]
    assert litellm.file_content(file.id, **place).content == chats.read_bytes()
    job = litellm.create_fine_tuning_job(
        model=model, training_file=file.id, hyperparameters={"n_epochs": 1}, suffix="litellm", **place
    )
    assert (job.model, job.hyperparameters.n_epochs) == (model, 1)
    assert job.id in [each.id for each in litellm.list_fine_tuning_jobs(limit=5, **place)]
    assert litellm.cancel_fine_tuning_job(job.id, **place).status == "cancelled"
    assert litellm.file_delete(file.id, **place).deleted


def chat(model: str, place: dict[str, Any]) -> None:
    """Answers, whole and streamed, and the error that has a class of its own."""

    def ask(content: str, **more: Any) -> Any:
        return litellm.completion(model=model, messages=[{"role": "user", "content": content}], **place, **more)

    assert ask("Tell", max_tokens=5, temperature=0.5).choices[0].message.content == "Once upon a time"
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask("Tell", stream=True)]
    assert "".join(pieces) == "Once upon a time"
    try:
        ask("too long")
    except litellm.ContextWindowExceededError:
        return
    raise AssertionError("a prompt that is too long was answered")


main(Path(sys.argv[1]), *sys.argv[2:])
