"""Owner of each argument: packtrain, the operator, or else the user."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.kinds import KindOfJob, fixed_arguments

TAKEN_OVER = {
    "output_dir": "packtrain gives every job a folder of its own and shows its files as artifacts",
    "export_dir": "packtrain gives every job a folder of its own and shows its files as artifacts",
    "dataset_dir": "packtrain writes a private dataset_info.json for every job",
    "overwrite_output_dir": "the folder is the job's own, and a resumed attempt must find its checkpoints there",
    "resume_from_checkpoint": "a further attempt of a job goes on from its newest checkpoint by itself; to go on from "
    "an ended job's, with its optimizer, give resume_from (`packtrain retry JOB --from-checkpoint newest`); to begin "
    "with what it left, source_job and checkpoint (--from JOB --checkpoint STEP)",
    "logging_dir": "it is deprecated, and packtrain reads the log from the output folder",
    "save_on_each_node": "two nodes writing one folder of a shared file system spoil each other's files",
    "local_rank": "the launcher sets it",
    "master_addr": "the batch script finds it from Slurm",
    "master_port": "the batch script finds it from Slurm",
}
"""Arguments that packtrain sets or drops whatever the user wrote, and why: taken over, with a note, not refused,
since the configurations that people have (seed 001's) name them."""

_READABLE = "it would stand readable in configuration files on the cluster"
_REPORTS = "it sends what a run logs out of the cluster"

REFUSED = {
    "trackio_space_id": _REPORTS,
    "trackio_bucket_id": _REPORTS,
    "trackio_static_space_id": _REPORTS,
    "hub_token": _READABLE,
    "push_to_hub_token": _READABLE,
    "hf_hub_token": _READABLE,
    "ms_hub_token": _READABLE,
    "om_hub_token": _READABLE,
    "swanlab_api_key": _READABLE,
    "swanlab_lark_secret": _READABLE,
    "swanlab_lark_webhook_url": "it sends messages out of the cluster",
    "kt_optimize_rule": "the file names classes that are imported and run",
}
"""Arguments of any known version that execute, fetch or report, or carry secrets: refused unless they say what is the
default anyway.

The operator of a cluster may set them for every job (`arguments` in the clusters file).
"""

_PUBLISHES = "jobs publish no models: what a job leaves is downloaded from packtrain"
_IS_FOR_RAY = "LLaMA-Factory reads it where USE_RAY is set, which it is in no job"
NOT_DONE = {
    **dict.fromkeys(
        ("push_to_hub", "hub_model_id", "hub_strategy", "hub_always_push", "push_to_hub_model_id",
         "push_to_hub_organization", "hub_revision", "export_hub_model_id"),
        _PUBLISHES,
    ),
    **dict.fromkeys(
        ("ray_num_workers", "ray_init_kwargs", "ray_run_name", "ray_storage_path", "ray_storage_filesystem",
         "resources_per_worker"),
        _IS_FOR_RAY,
    ),
}  # fmt: skip
"""Arguments of any known version that ask for what no job does, and why the training is the same without it: left out,
with a warning unless they say what is the default anyway. The operator may set them, as those of REFUSED."""

LEFT_OUT = {
    "cache_dir": "each run has a cache of its own",
    "media_dir": "the images, videos and audios of a data set are looked for beside it",
    "tokenized_path": "each run reads the data itself",
}
"""Places of another machine that a run can do without, and why: left out, with a warning, where a cluster has none
such."""


def overruled(config: Mapping[str, Any], operator: Mapping[str, Any], row: KindOfJob) -> Iterator[Finding]:
    """Findings for arguments that the user sets otherwise than the operator, or than the kind of job has them."""
    for name in sorted(operator.keys() & config.keys()):
        if config[name] != operator[name]:
            message = f"{name} is set to {operator[name]!r} on this cluster, not to {config[name]!r}"
            yield Finding(("config", name), message, "it can be left out", "warning")
    fixed = fixed_arguments(row, config)
    for name in sorted(fixed.keys() & config.keys()):
        if config[name] != fixed[name]:
            message = f"{name} is {str(fixed[name]).lower()} in kind {row.name}"
            hint = "leave it out, or submit the job as another kind (train, predict)"
            # To train for hours though the words say not to would be wrong; to leave training out is the kind's point.
            yield Finding(("config", name), message, hint, "error" if row.name == "train" else "warning")
