"""Folders, files and Slurm names of a job on its cluster (docs/decisions/0001-shape.md). Pure.

Every name of a remote file that server and worker use stands here; programs on the cluster write the same
(templates/sbatch/train.sh.j2, tuning/slurm/programs/submit_program.py; tests/tuning/jobs/test_layout.py).
"""

from collections.abc import Mapping
from typing import Literal

JOB_SCRIPT = "job.sh"
CONFIG_FILE = "config.yaml"
DATASET_INFO_FILE = "data/dataset_info.json"
DEEPSPEED_FILE = "deepspeed.json"
CHECK_ORDER_FILE = "check.json"
CHECK_PROGRAM_FILE = "check.pyz"
JOB_RECORD_FILE = "job.json"
"""In the attempt's folder."""
TRAINER_LOG_FILE = "trainer_log.jsonl"
CHECK_REPORT_FILE = "checked.json"
"""In the output folder."""
OUTPUT_FOLDER = "output"
OUTPUT = f"{OUTPUT_FOLDER}/"
CHECKPOINT = f"{OUTPUT}checkpoint-"
"""Beneath the job's folder; a checkpoint's step follows."""
OUTPUT_REMOVED = "output_removed"
"""In a job's result, once all that it left was removed."""
Record = Literal["started", "resumed", "exit", "files", "data-sums", "serving"]
"""Written by the batch script: its start, the checkpoint it went on from, its end, the listing of the output folder,
the hashes of the cluster's own data, where a served model listens."""


def job_directory(root: str, job_id: str) -> str:
    """The folder of a job."""
    return f"{root}/jobs/{job_id}"


def attempt_directory(root: str, job_id: str, number: int) -> str:
    """The folder of one attempt: its script, configuration, logs and records."""
    return f"{job_directory(root, job_id)}/{number}"


def output_directory(root: str, job_id: str) -> str:
    """LLaMA-Factory's output_dir, shared by the attempts of a job."""
    return f"{job_directory(root, job_id)}/output"


def checkpoint_path(step: int) -> str:
    """The folder of a checkpoint, beneath the job's."""
    return f"{CHECKPOINT}{step}"


def record_path(root: str, job_id: str, number: int, record: Record) -> str:
    """A record of one attempt's batch script."""
    return f"{attempt_directory(root, job_id, number)}/{record}"


def log_file(stream: str) -> str:
    """The file of `stdout` or `stderr` in the attempt's folder."""
    return f"{stream}.log"


def stream_paths(root: str, job_id: str, number: int) -> Mapping[str, str]:
    """The growing files of an attempt, by stream: trainer_log, stdout, stderr."""
    directory = attempt_directory(root, job_id, number)
    logs = {stream: f"{directory}/{log_file(stream)}" for stream in ("stdout", "stderr")}
    return {"trainer_log": f"{output_directory(root, job_id)}/{TRAINER_LOG_FILE}", **logs}


def check_report_path(root: str, job_id: str) -> str:
    """The report of a check of data."""
    return f"{output_directory(root, job_id)}/{CHECK_REPORT_FILE}"


def secret_file(name: str) -> str:
    """The file of a secret's value in the attempt's folder."""
    return f"secrets/{name}"


def dataset_path(root: str, sha256: str, extension: str) -> str:
    """Path of a data set's content on a cluster: one copy for all jobs."""
    return f"{root}/datasets/{sha256}.{extension}"


def own_folders(root: str) -> tuple[str, ...]:
    """The folders that packtrain keeps for itself: other jobs' files, secrets, what has not arrived, kernels."""
    return (f"{root}/jobs", f"{root}/incoming", f"{root}/datasets", f"{root}/compiled")


def slurm_job_name(job_id: str, number: int, token: str) -> str:
    """The job's name in Slurm: no two submissions have the same one, so that `singleton` holds a double back."""
    return f"{job_id}-{number}-{token[:8]}"


def slurm_comment(job_id: str, number: int, token: str) -> str:
    """The job's comment in Slurm, by which a submission without an answer is found again."""
    return f"packtrain:{job_id}:{number}:{token}"
