"""wandb's sync of fine-tunings, offline. Arguments: the id of a job that ended, and a folder."""

import os
import sys

NOBODY = "http://127.0.0.1:9"
"""Asked for earlier runs, even offline."""


def main(ended: str, folder: str) -> None:
    """Its metrics and its model are logged. Data sets are not: offline, wandb refuses to use an artifact."""
    os.environ.update(WANDB_MODE="offline", WANDB_DIR=folder, WANDB_API_KEY="a" * 40, WANDB_BASE_URL=NOBODY)
    from wandb.integration.openai.fine_tuning import WandbLogger  # noqa: PLC0415

    WandbLogger._logged_in = True  # by wandb's own server, which is not asked offline
    told = WandbLogger.sync(fine_tune_job_id=ended, project="packtrain", log_datasets=False)
    assert "completed successfully" in told, told


main(*sys.argv[1:])
