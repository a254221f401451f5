"""tuning.jobs.layout: the names that programs on the cluster write, too."""

from pathlib import Path

import pytest

from tuning.jobs import layout
from tuning.slurm.programs.submit_program import SUBMIT

ROOT = Path(__file__).parents[3]
BATCH_SCRIPT = (ROOT / "templates/sbatch/train.sh.j2").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        f'"$attempt/{layout.CONFIG_FILE}"',
        f'"$attempt/{layout.CHECK_PROGRAM_FILE}" "$attempt/{layout.CHECK_ORDER_FILE}"',
        f"$output/{layout.TRAINER_LOG_FILE}",
        f"$(size {layout.log_file('stdout')})",
        f"$(size {layout.log_file('stderr')})",
        "record started",
        "record exit",
        f"$attempt/{layout.secret_file('')}".rstrip("/"),
        "mv files.part files",
        "record resumed",
        "mv data-sums.part data-sums",
    ],
)
def test_the_batch_script_writes_the_names_of_the_layout(words: str) -> None:
    assert words in BATCH_SCRIPT


def test_sbatch_is_given_the_logs_of_the_layout() -> None:
    assert f"/{layout.log_file('stdout')}" in SUBMIT
    assert f"/{layout.JOB_SCRIPT}" in SUBMIT


def test_paths_of_a_job_lie_in_its_folder() -> None:
    folder = layout.job_directory("/r", "job_a")
    paths = [
        *layout.stream_paths("/r", "job_a", 2).values(),
        layout.record_path("/r", "job_a", 2, "exit"),
        layout.check_report_path("/r", "job_a"),
    ]
    assert all(path.startswith(f"{folder}/") for path in paths)
    assert layout.record_path("/r", "job_a", 2, "exit") == "/r/jobs/job_a/2/exit"
