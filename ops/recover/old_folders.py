"""Record of a job whose folder has none (of an earlier packtrain): read from its script and configuration. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ops.recover.folders import AttemptFolder
from tuning.errors import Finding, InvalidInput
from tuning.jobs.attempt.job_record import JobRecord
from tuning.jobs.layout import CONFIG_FILE, DATASET_INFO_FILE, JOB_SCRIPT
from tuning.llamafactory.arguments.ownership import LEFT_OUT, TAKEN_OVER
from tuning.llamafactory.commands.slurm_options import as_request, read_directives
from tuning.llamafactory.config.yaml_text import parse_yaml
from tuning.llamafactory.kinds import Kind, meant_kind

_OURS = {*TAKEN_OVER, *LEFT_OUT, "deepspeed"}
_COPY = re.compile(r"/datasets/(?P<sha256>[0-9a-f]{64})\.(?P<extension>jsonl?)$")
_UPLOAD = re.compile(r"ds_[a-z0-9]{1,28}")


def record_of(job_id: str, folder: AttemptFolder, token: str, owner: str, written_at: datetime) -> JobRecord:
    """The record by the folder's configuration and script: its name is the job's id. Raises InvalidInput."""
    script = folder.text(JOB_SCRIPT)
    config = parse_yaml(folder.text(CONFIG_FILE))
    values = {
        "job_id": job_id,
        "attempt": folder.number,
        "token": token,
        "owner": owner,
        "name": job_id,
        "kind": _kind(config),
        "created_at": written_at,
        "config": {name: value for name, value in config.items() if name not in _OURS},
        "resources": _resources(script),
        "datasets": list(_datasets(folder.text(DATASET_INFO_FILE))),
    }
    try:
        return JobRecord.model_validate(values)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInput([Finding(tuple(wrong["loc"]), f"{wrong['loc'][0]}: {wrong['msg']}"[:300])]) from error


def _kind(config: Mapping[str, Any]) -> Kind:
    return "export" if "export_dir" in config else meant_kind(config) or "train"


def _resources(script: str) -> dict[str, Any]:
    """Resources by its #SBATCH lines."""
    asked = {name: found.value for name, found in as_request(read_directives(script)).resources.items()}
    known = ("partition", "nodes", "gpus_per_node", "gpu_type", "cpus_per_gpu", "memory", "time_limit", "account")
    return {name: asked[name] for name in (*known, "qos", "constraint", "exclude") if name in asked}


def _datasets(register: str) -> Iterator[dict[str, Any]]:
    """The uploads among the entries of the attempt's own dataset_info.json."""
    try:
        entries = json.loads(register)
    except (ValueError, RecursionError):
        return
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        place = _COPY.search(str(entry.get("file_name", ""))) if isinstance(entry, dict) else None
        if place is not None and _UPLOAD.fullmatch(name):
            rest = {key: value for key, value in entry.items() if key != "file_name"}
            yield {"id": name, "name": name, **place.groupdict(), "entry": rest}
