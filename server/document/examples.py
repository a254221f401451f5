"""Example bodies of requests, by operation, for the OpenAPI document: each is a request that could be sent."""

from collections.abc import Mapping
from typing import Any

_JOB: Mapping[str, Any] = {
    "name": "wmt ja-en",
    "recipe": "lora-sft",
    "config": {"model_name_or_path": "tiny-llama", "template": "llama3", "learning_rate": 1e-4, "max_steps": 200},
    "datasets": ["ds_0123456789abcdefghjk"],
    "resources": {"gpus_per_node": 1, "time_limit": "08:00:00"},
    "tags": {"team": "mt"},
}

EXAMPLES: Mapping[str, Any] = {
    "add_dataset": {"cluster_path": "/shared/data/chats.jsonl", "name": "chats"},
    "begin_upload": {"name": "chats.jsonl", "size_bytes": 73400320, "sha256": "ab" * 32},
    "cancel_job": {"save": True},
    "change_job": {"name": "wmt ja-en, second", "priority": 10, "tags": {"team": "mt", "run": "2"}},
    "change_team": {"shares": 3},
    "change_user": {"disabled": True, "running": "cancel"},
    "change_webhook": {"events": ["job.*"], "disabled": False},
    "clone_job": {"name": "wmt ja-en, slower", "config": {"learning_rate": 5e-5}},
    "complete_upload": {"name": "chats", "purpose": "sft"},
    "create_job": _JOB,
    "create_team": {"name": "mt", "shares": 3, "members": [{"name": "mia", "is_lead": True}]},
    "create_token": {"name": "ci", "scopes": ["read"]},
    "create_user": {"name": "mia", "display_name": "Mia M.", "email": "mia@lab.example", "teams": ["mt", "lab"]},
    "create_webhook": {"url": "mailto:ada@example.org", "events": ["job.failed", "warning"]},
    "keep_secret": {"value": "the key itself"},
    "put_limit": {"subject_kind": "team", "subject": "mt", "kind": "gpus", "amount": 8, "cluster": "lab"},
    "retry_job": {"resources": {"time_limit": "1-00:00:00"}, "resume_from": {"checkpoint": 500}},
    "serve_model": {"model": "tiny-llama", "cluster": "lab"},
    "set_member": {"shares": 2},
    "set_model_alias": {"alias": "meta-llama/Llama-3.2-1B", "model": "tiny-llama"},
    "simulate_queue": {"history": True, "cluster": "lab", "load": 0.9},
    "validate_job": _JOB,
}
