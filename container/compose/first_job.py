"""One real job through the API, as another team's program would run it: upload, submit, follow, fetch."""

import time
from pathlib import Path
from typing import Any

import httpx

from container.steps import StepError, say, step

SAMPLES = Path(__file__).parents[1] / "lab/data/identity.json"
CONFIG = {
    "model_name_or_path": "tiny-llama",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_target": "all",
    "template": "llama3",
    "cutoff_len": 256,
    "per_device_train_batch_size": 2,
    "max_steps": 10,
    "logging_steps": 2,
}
WEIGHTS = "adapter_model.safetensors"
ENDED = ("succeeded", "failed", "cancelled")
PATIENCE_SECONDS = 240.0


def client(url: str, token: str) -> httpx.Client:
    """The API of a server on this machine."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False)


def run(api: httpx.Client) -> None:
    """Train a tiny adapter and fetch it. Raises StepError with what the job said when it does not succeed."""
    with step("uploading a data set"):
        dataset = _upload(api)
    with step("running a job"):
        job = _submit(api, dataset)
        _follow(api, job)
    with step("fetching what it made"):
        size = _fetch(api, job)
    say(f"{job} succeeded; {WEIGHTS} has {size} bytes")


def _upload(api: httpx.Client) -> str:
    with SAMPLES.open("rb") as file:
        return str(_json(api.post("/datasets", files={"file": (SAMPLES.name, file)}))["id"])


def _submit(api: httpx.Client, dataset: str) -> str:
    body = {"name": "compose", "kind": "train", "config": CONFIG, "datasets": [dataset]}
    return str(_json(api.post("/jobs", json=body))["id"])


def _follow(api: httpx.Client, job: str) -> None:
    """Poll until the end, telling each change of status."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    status, version = "", 0
    while status not in ENDED:
        if time.monotonic() > deadline:
            raise StepError(f"{job} is still {status} after {PATIENCE_SECONDS:.0f} s{_said(api, job)}")
        progress = _json(api.get(f"/jobs/{job}/progress", params={"wait": 10, "since": version}))
        version = progress["version"]
        if progress["status"] != status:
            status = progress["status"]
            say(f"  {status}")
    if status != "succeeded" or progress["current_steps"] != CONFIG["max_steps"]:
        raise StepError(f"{job} is {status} at step {progress['current_steps']}{_said(api, job)}")


def _fetch(api: httpx.Client, job: str) -> int:
    """The adapter's bytes: they come from the cluster through the server."""
    listed = [artifact["path"] for artifact in _json(api.get(f"/jobs/{job}/artifacts"))["data"]]
    found = [path for path in listed if path.endswith(WEIGHTS)]
    if not found:
        raise StepError(f"{job} left no {WEIGHTS}, but {listed}")
    answer = api.get(f"/jobs/{job}/artifacts/{found[0]}")
    if answer.is_error or not answer.content:
        raise StepError(f"{found[0]} could not be fetched ({answer.status_code}): {answer.text[:500]}")
    return len(answer.content)


def _said(api: httpx.Client, job: str) -> str:
    shown = _json(api.get(f"/jobs/{job}"))
    log = api.get(f"/jobs/{job}/logs", params={"stream": "stderr", "tail": 20}).text
    return f": {shown['status_reason']}\n{shown['failure']}\n{log}"


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise StepError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:2000]}")
    found: dict[str, Any] = answer.json()
    return found
