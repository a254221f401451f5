"""Tuning and talking by OpenAI's client: openai_loop.py DATA MODEL (OPENAI_BASE_URL=.../v1, OPENAI_API_KEY)."""

import sys
import time
from pathlib import Path

from openai import OpenAI

client = OpenAI()
data = client.files.create(file=Path(sys.argv[1]), purpose="fine-tune")
small = {"config": {"cutoff_len": 128, "save_steps": 5}, "resources": {"time_limit": "01:00:00"}}
job = client.fine_tuning.jobs.create(
    model=sys.argv[2], training_file=data.id, suffix="first-try", hyperparameters={"n_epochs": 1}, extra_body=small
)
told: set[str] = set()
while job.finished_at is None:
    time.sleep(1)
    job = client.fine_tuning.jobs.retrieve(job.id)
    for event in reversed(client.fine_tuning.jobs.list_events(job.id, limit=100).data):
        if event.id not in told:
            print(event.message, flush=True)
            told.add(event.id)
if job.fine_tuned_model is None:
    sys.exit(job.error.message if job.error else job.status)
print(client.files.content(job.result_files[0]).text)
print(f"the model is {job.fine_tuned_model}, trained on {job.trained_tokens} tokens, and says:")
with client.chat.completions.stream(
    model=job.fine_tuned_model, messages=[{"role": "user", "content": "「おはよう」を英語で？"}], max_tokens=16
) as answer:
    print(*(event.delta for event in answer if event.type == "content.delta"), sep="")
