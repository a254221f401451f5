"""Ids of OpenAI's API and of the rows that they mean: `file-X` is the data set `ds_X`."""

import re

from tuning.errors import NotFound

_X = "[a-z0-9]{1,28}"
_RESULT_FILE = "file-results-"


def file_id_of(dataset_id: str) -> str:
    """Id of the file that a data set is."""
    return _renamed(dataset_id, "ds_", "file-")


def dataset_id_of(file_id: str) -> str:
    """Id of the data set that a file is. Raises NotFound for what is no file's id."""
    return _read(file_id, "file-", "ds_", "file")


def result_file_id_of(job_id: str) -> str:
    """Id of the file with a job's metrics."""
    return _renamed(job_id, "job_", _RESULT_FILE)


def is_result_file(file_id: str) -> bool:
    """Whether an id is one of a job's metrics."""
    return file_id.startswith(_RESULT_FILE)


def job_id_of_result_file(file_id: str) -> str:
    """Id of the job whose metrics a file has. Raises NotFound."""
    return _read(file_id, _RESULT_FILE, "job_", "file")


def fine_tuning_job_id_of(job_id: str) -> str:
    """Id of a job as OpenAI's API shows it."""
    return _renamed(job_id, "job_", "ftjob-")


def job_id_of(fine_tuning_job_id: str) -> str:
    """Id of the job that a fine-tuning job is. Raises NotFound."""
    return _read(fine_tuning_job_id, "ftjob-", "job_", "fine-tuning job")


def endpoint_id_of(webhook_id: str) -> str:
    """Id of the webhook endpoint that a webhook is."""
    return _renamed(webhook_id, "wh_", "we_")


def webhook_id_of(endpoint_id: str) -> str:
    """Id of the webhook that a webhook endpoint is. Raises NotFound."""
    return _read(endpoint_id, "we_", "wh_", "webhook endpoint")


def upload_id_read(upload_id: str) -> str:
    """An upload's id, which is the same here. Raises NotFound for what cannot be one."""
    return _read(upload_id, "upload_", "upload_", "upload")


def _renamed(own_id: str, prefix: str, other: str) -> str:
    return other + own_id.removeprefix(prefix)


def _read(text: str, prefix: str, own: str, kind: str) -> str:
    found = re.fullmatch(f"{prefix}({_X})", text)
    if found is None:
        raise NotFound(f"there is no {kind} {text[:80]!a}")
    return own + found[1]
