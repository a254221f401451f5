"""Evidence of a run's end: the files that it left, gathered for the judgement."""

from collections.abc import Mapping

from tuning.jobs.layout import check_report_path, output_directory, record_path
from tuning.slurm.cluster import ReadRequest

STATE_BYTES = 32 * 1024 * 1024
"""trainer_state.json holds the whole log history of a long run."""
RESULT_BYTES = 1024 * 1024
"""The others hold a dozen numbers."""
RECORD_BYTES = 4096
SUMS_BYTES = 128 * 1024
"""A line for each file: its hash and its path."""
REPORT_BYTES = 8 * 1024 * 1024
"""Of a check: the first 20 findings of each reason, and a head of 64 KiB; it is far smaller."""
LISTING_BYTES = 4 * 1024 * 1024
RESULTS = {
    "trainer_state.json": STATE_BYTES,
    "all_results.json": RESULT_BYTES,
    "train_results.json": RESULT_BYTES,
    "predict_results.json": RESULT_BYTES,
    "eval_results.json": RESULT_BYTES,
}


def evidence_requests(root: str, job_id: str, number: int) -> list[ReadRequest]:
    """The files to read when a run has ended: the listing of its output, and LLaMA-Factory's results or a report."""
    output = output_directory(root, job_id)
    listing = ReadRequest(record_path(root, job_id, number, "files"), 0, LISTING_BYTES)
    small = [
        ReadRequest(record_path(root, job_id, number, "started"), 0, RECORD_BYTES),
        ReadRequest(record_path(root, job_id, number, "resumed"), 0, RECORD_BYTES),
        ReadRequest(record_path(root, job_id, number, "data-sums"), 0, SUMS_BYTES),
    ]
    report = ReadRequest(check_report_path(root, job_id), 0, REPORT_BYTES)  # other kinds of jobs have none
    results = [ReadRequest(f"{output}/{name}", 0, most) for name, most in RESULTS.items()]
    return [*small, listing, report, *results]


def listing_text(root: str, job_id: str, number: int, contents: Mapping[str, bytes]) -> bytes:
    """The listing of the output folder that the script left; empty when it left none."""
    return contents.get(record_path(root, job_id, number, "files"), b"")


def is_whole_listing(root: str, job_id: str, number: int, contents: Mapping[str, bytes]) -> bool:
    """Whether the script's listing is there and was not cut short, by a full disk for one."""
    return listing_text(root, job_id, number, contents).endswith(b"\0")


def started_text(root: str, job_id: str, number: int, contents: Mapping[str, bytes]) -> bytes:
    """The record of the attempt's start; empty when it left none."""
    return contents.get(record_path(root, job_id, number, "started"), b"")


def resumed_text(root: str, job_id: str, number: int, contents: Mapping[str, bytes]) -> bytes:
    """The record of the checkpoint that it went on from; empty when it left none."""
    return contents.get(record_path(root, job_id, number, "resumed"), b"")


def data_sums_text(root: str, job_id: str, number: int, contents: Mapping[str, bytes]) -> bytes:
    """The record of the hashes of the cluster's own data; empty where there is none, or it was not there in time."""
    return contents.get(record_path(root, job_id, number, "data-sums"), b"")


def result_texts(root: str, job_id: str, contents: Mapping[str, bytes]) -> dict[str, str]:
    """LLaMA-Factory's result files by name, as far as they are there."""
    output = output_directory(root, job_id)
    found = {name: contents.get(f"{output}/{name}") for name in RESULTS}
    return {name: content.decode("utf-8", "replace") for name, content in found.items() if content is not None}
