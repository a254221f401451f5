"""The promises of packtrain, each with the end-to-end tests that `make test` holds it by.

All others are left to `make deep`. A test is named by its file, its function, or its function with a parameter.
"""

from collections.abc import Mapping

PROMISES: Mapping[str, tuple[str, ...]] = {
    "a request becomes a model, and its progress is told": ("jobs/test_seed_run.py",),
    "LLaMA-Factory trains": ("jobs/test_training.py::test_it_trains_to_its_end[full]",),
    "a typo is told at once": (
        "llamafactory/test_check.py::test_what_the_parser_does_not_know_is_refused_by_both",
        "faults/test_sick_clusters.py::test_what_slurm_refuses_fails_at_once_in_its_own_words",
        "slurm/test_slurm_trial.py::test_slurm_says_when_a_job_would_start_and_why_one_never_would",
    ),
    "a job is submitted once, whatever is killed": (
        "faults/test_chaos.py::test_every_accepted_job_is_in_slurm_once",
        "faults/test_chaos.py::test_a_key_sent_fifty_times_at_once_makes_one_job",
        "faults/test_chaos.py::test_workers_share_the_clusters[postgresql-2]",
        "faults/test_sick_clusters.py::test_a_killed_program_goes_on_where_it_was[worker]",
    ),
    "a status does not lie": (
        "faults/test_faults.py::test_a_daemon_that_is_gone_ends_no_job[slurmctld down]",
        "faults/test_faults.py::test_a_wrong_answer_of_squeue_ends_no_job[empty]",
        "jobs/test_failures.py::test_a_killed_process_is_told_and_gets_more_memory",
        "jobs/test_failures.py::test_a_prolog_that_fails_is_told_and_costs_no_attempt",
        "faults/test_sick_clusters.py::test_a_missing_image_fails_the_job_and_says_which",
    ),
    "a run goes on over time limits, pauses and cuts": (
        "jobs/test_continuation.py::test_a_run_goes_on_beyond_its_time_limit_as_if_there_were_none",
        "jobs/test_continuation.py::test_a_cancelled_run_may_keep_what_it_has_learned",
    ),
    "a job ends when its owner says so": ("jobs/test_cancel.py",),
    "data may lie on the cluster": (
        "data/test_cluster_datasets.py::test_it_is_told_of_as_an_upload_and_trained_on_to_the_end",
        "data/test_cluster_datasets.py::test_a_broken_file_is_refused_with_its_lines",
    ),
    "a queue is fair to several people": ("queue/test_window.py",),
    "a run is a stranger": ("escape/test_escape.py",),
    "readers cost the cluster nothing": ("slurm/test_cost.py",),
    "the operator is told what is wrong": ("ops/test_operator.py",),
    "a browser shows and does it": ("interfaces/test_pages.py",),
    "OpenAI's client tunes a model and talks to it": (
        "interfaces/test_openai.py::test_the_example_follows_a_run_to_its_model",
    ),
    "the documents say what works": ("interfaces/test_guides.py::test_the_examples_do_what_they_say[README.md]",),
}


def is_promised(path: str, name: str) -> bool:
    """Whether the test of this file (below tests/e2e) and name holds a promise."""
    function = name.partition("[")[0]
    held = {test for tests in PROMISES.values() for test in tests}
    return not held.isdisjoint((path, f"{path}::{function}", f"{path}::{name}"))
