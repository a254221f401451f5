"""Variables that a run may be given: names of a list, each with values that mean nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.environment import VARIABLES, check_environment, is_taken, tracking_environment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDB_PROJECT", "machine translation"),
        ("WANDB_TAGS", "ja,en"),
        ("NCCL_DEBUG", "INFO"),
        ("NCCL_SOCKET_IFNAME", "^docker0,lo"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True,max_split_size_mb:128"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
        ("OMP_NUM_THREADS", "8"),
        ("TOKENIZERS_PARALLELISM", "false"),
    ],
)
def test_what_people_set_is_taken(name: str, value: str) -> None:
    assert list(check_environment({name: value}, {})) == []
    assert is_taken(name, value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WANDB_API_KEY", "packtrain secrets set WANDB_API_KEY"),
        ("WANDB_PROJCT", "did you mean WANDB_PROJECT?"),
        ("WANDB_RUN_ID", "packtrain sets it"),
        ("LD_PRELOAD", "these can: "),
        ("WANDB_BASE_URL", ""),
        ("HF_HOME", ""),
        ("NCCL_DEBUG_FILE", ""),
        ("PYTHONPATH", ""),
    ],
)
def test_what_names_a_key_a_file_or_a_host_is_refused(name: str, hint: str) -> None:
    (finding,) = check_environment({name: "x"}, {})
    assert (finding.loc, finding.severity) == (("environment", name), "error")
    assert hint in str(finding.hint)
    assert not is_taken(name, "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("WANDB_MODE", "online"), ("NCCL_DEBUG", "info\n"), ("OMP_NUM_THREADS", "-1"), ("WANDB_NAME", "a\nb")],
)
def test_an_odd_value_is_told_with_what_it_may_be(name: str, value: str) -> None:
    (finding,) = check_environment({name: value}, {})
    assert (finding.severity, VARIABLES[name] in str(finding.hint)) == ("error", True)
    assert not is_taken(name, value)


def test_the_operators_own_is_laid_over() -> None:
    (finding,) = check_environment({"NCCL_DEBUG": "INFO"}, {"NCCL_DEBUG": "WARN"})
    assert finding.severity == "warning"
    assert list(check_environment({"NCCL_DEBUG": "WARN"}, {"NCCL_DEBUG": "WARN"})) == []


@given(name=st.sampled_from(sorted(VARIABLES)), value=st.text(max_size=20))
def test_no_value_holds_a_control_character(name: str, value: str) -> None:
    if is_taken(name, value):
        assert not any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in value)


@pytest.mark.parametrize("report_to", ["wandb", ["tensorboard", "wandb"], "all"])
def test_the_attempts_of_a_job_are_one_run_of_wandb(report_to: object) -> None:
    assert tracking_environment("job_a", {"report_to": report_to}) == {"WANDB_RUN_ID": "job_a", "WANDB_RESUME": "allow"}


@pytest.mark.parametrize("report_to", [None, "none", ["tensorboard"], [], "tensorboard"])
def test_other_runs_know_nothing_of_it(report_to: object) -> None:
    assert tracking_environment("job_a", {"report_to": report_to}) == {}
