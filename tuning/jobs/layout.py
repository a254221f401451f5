"""Where a job lies on its cluster, and what it is called there (docs/decisions/0001-shape.md). Pure."""


def job_directory(root: str, job_id: str) -> str:
    """The folder of a job."""
    return f"{root}/jobs/{job_id}"


def attempt_directory(root: str, job_id: str, number: int) -> str:
    """The folder of one attempt: its script, configuration, logs and records."""
    return f"{job_directory(root, job_id)}/{number}"


def output_directory(root: str, job_id: str) -> str:
    """LLaMA-Factory's output_dir, shared by the attempts of a job."""
    return f"{job_directory(root, job_id)}/output"


def dataset_path(root: str, sha256: str, extension: str) -> str:
    """The one copy of a data set's content on a cluster."""
    return f"{root}/datasets/{sha256}.{extension}"


def own_folders(root: str) -> tuple[str, ...]:
    """The folders that packtrain keeps for itself: there lie other jobs' files, secrets, and what has not arrived."""
    return (f"{root}/jobs", f"{root}/incoming", f"{root}/datasets")


def slurm_job_name(job_id: str, number: int, token: str) -> str:
    """The job's name in Slurm: no two submissions have the same one, so that `singleton` holds a double back."""
    return f"{job_id}-{number}-{token[:8]}"


def slurm_comment(job_id: str, number: int, token: str) -> str:
    """The job's comment in Slurm, by which a submission without an answer is found again."""
    return f"packtrain:{job_id}:{number}:{token}"
