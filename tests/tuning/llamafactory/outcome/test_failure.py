"""The recorded ends of failed runs (tests/fixtures/failures) are told as what they were, by the lines that show it."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.causes import CAUSES, OTHERWISE, WORDS
from tuning.llamafactory.outcome.failure import End, Failure, explain
from tuning.llamafactory.outcome.traceback_text import EVIDENCE_LINES, MAX_LINE_CHARACTERS

RECORDED = Path(__file__).parents[3] / "fixtures" / "failures"


def recorded(case: str) -> End:
    said = json.loads((RECORDED / f"{case}.json").read_text())
    logs = {name: (RECORDED / f"{case}.{name}.log").read_text() for name in ("stderr", "stdout")}
    return End(said["exit_code"], said["slurm"], missing=("weights",), **logs)


SHOWN_BY: dict[str, str] = {
    "cuda_out_of_memory/one_gpu": "CUDA out of memory. Tried to allocate 2.32 GiB",
    "cuda_out_of_memory/torchrun": "CUDA out of memory. Tried to allocate 2.32 GiB",
    "cuda_out_of_memory/cublas": "CUBLAS_STATUS_ALLOC_FAILED",
    "nccl/watchdog": "OpType=ALLREDUCE",
    "nccl/connect": "unhandled system error",
    "quota/checkpoint": "[Errno 122] Disk quota exceeded",
    "out_of_memory/oom_kill": "Detected 1 oom_kill event",
    "out_of_memory/shared": "out of shared memory",
    "diverged/loss_scale": "loss scale already at minimum",
    "aborted/abrt": "Aborted",
    "cancelled/scancel": "*** JOB",
    "config/assertion": "EarlyStoppingCallback requires",
    "config/bad_value": "False is not a valid IntervalStrategy",
    "config/template": "Template lama3 does not exist",
    "config/text_for_number": "batch_size=2",
    "config/unknown_key": "['lora_rnk']",
    "container/bind": "mount /srv/nowhere->/data error",
    "container/corrupt": "image format not recognized",
    "container/missing": "/opt/packtrain/nowhere.sif is missing",
    "container/truncated": "squashfuse_ll exited",
    "crashed/segv": "Segmentation fault",
    "dataset/malformed": "in row 2",
    "dataset/missing_column": "KeyError: 'input'",
    "dataset/no_samples": "Cannot find valid samples",
    "dataset/null_content": "Expected a string, got None",
    "dataset/undefined": "Undefined dataset wmt",
    "disk_full/checkpoint": "No space left on device",
    "disk_full/weights": "No space left on device",
    "diverged/predict": "probability tensor contains",
    "import/liger": "'liger-kernel' distribution was not found",
    "import/module": "'unsloth' distribution was not found",
    "import/version": "but found peft==0.1.0",
    "killed/kill": "Killed",
    "killed/torchrun": "Signal 9 (SIGKILL) received",
    "model_files/corrupt": "Error while deserializing header",
    "model_files/missing": "/srv/models/tiny-lama",
    "model_files/no_config": "Unrecognized model in",
    "model_files/no_tokenizer": "Couldn't instantiate the backend tokenizer",
    "model_files/no_weights": "no file named model.safetensors",
    "model_files/other_shape": "ckpt: torch.Size([512, 256]) vs model:torch.Size([96, 256])",
    "model_files/truncated": "file not fully covered",
    "model_files/unreadable": "No such file or directory",
    "node_fail/down": "DUE TO NODE FAILURE",
    "not_found/apptainer": "no-apptainer: command not found",
    "out_of_memory/allocation": "DefaultCPUAllocator: can't allocate memory",
    "out_of_memory/slurm": "exceeded memory limit",
    "permission/output": "[Errno 13] Permission denied",
    "preempted/partition": "DUE TO PREEMPTION",
    "rendezvous/no_master": "timed out after 10000ms",
    "terminated/term": "Exited with exit code 143",
    "timeout/training": "DUE TO TIME LIMIT",
}
"""Words that must be among the evidence of each recording."""


def test_every_recording_is_tested() -> None:
    assert SHOWN_BY.keys() == {
        path.relative_to(RECORDED).with_suffix("").as_posix() for path in RECORDED.glob("*/*.json")
    }


@pytest.mark.parametrize("case", sorted(SHOWN_BY))
def test_a_recorded_end_is_told_as_what_it_was(case: str) -> None:
    failure = explain(recorded(case))
    assert failure.code == case.partition("/")[0], failure
    assert any(SHOWN_BY[case] in line for line in failure.evidence), failure.evidence
    assert_presentable(failure)


def assert_presentable(failure: Failure) -> None:
    assert failure.message
    assert len(failure.evidence) <= EVIDENCE_LINES == 10
    assert all(len(line) <= MAX_LINE_CHARACTERS == 300 for line in failure.evidence)
    assert all(line.strip(" ^~") for line in failure.evidence), "markers say nothing"
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]", "".join(failure.evidence))


@pytest.mark.parametrize("word", sorted(WORDS))
@pytest.mark.parametrize("case", ["cuda_out_of_memory/one_gpu", "nccl/watchdog"])
def test_slurms_word_weighs_most(word: str, case: str) -> None:
    end = recorded(case)
    failure = explain(End(end.exit_code, word, end.stderr, end.stdout))
    assert failure.code == word
    assert failure.evidence


@pytest.mark.parametrize("case", ["killed/kill", "crashed/segv", "aborted/abrt", "terminated/term", "timeout/training"])
def test_an_end_without_an_error_shows_no_unrelated_lines(case: str) -> None:
    evidence = explain(recorded(case)).evidence
    assert all(re.search(r"job\.sh: line|^srun: error|^slurmstepd", line) for line in evidence)


def test_what_a_peer_says_of_the_dead_does_not_hide_the_cause() -> None:
    end = recorded("cuda_out_of_memory/torchrun")
    assert "NCCL communicator was aborted" in end.stderr
    assert explain(end).message.startswith("the GPU's memory ran out: torch.OutOfMemoryError")


def test_the_same_words_of_many_processes_are_shown_once() -> None:
    said = "".join(f"[rank{rank}]: NCCL error, unhandled system error\n" for rank in range(64))
    assert explain(End(1, "failed", said)).evidence == ("NCCL error, unhandled system error",)


def test_an_error_that_was_survived_is_not_the_cause() -> None:
    survived = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'fancy'\ngoing on\n"
    died = "Traceback (most recent call last):\n  File y\nRuntimeError: something else\n"
    failure = explain(End(1, "failed", survived + died))
    assert (failure.code, failure.message) == ("training_error", "RuntimeError: something else")


def test_an_error_of_a_finalizer_is_not_the_cause() -> None:
    died = "Traceback (most recent call last):\n  File y\nRuntimeError: something else\n"
    aside = (
        "Exception ignored in: <function Engine.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        '  File "/x/engine.py", line 3, in __del__\nModuleNotFoundError: import of sys halted\n'
    )
    assert explain(End(1, "failed", died + aside)).message == "RuntimeError: something else"
    assert explain(End(1, "failed", aside)).message.endswith("import of sys halted")


@pytest.mark.parametrize("cut", [0, 12, 45])
def test_a_tail_that_begins_within_a_traceback_has_its_error(cut: int) -> None:
    frames = (
        '  File "/x/llamafactory/cli.py", line 8, in main\n    run()\n'
        '  File "/x/peft/config.py", line 3, in f\n    g()\n'
    )
    failure = explain(End(1, "failed", f"{frames[cut:]}ValueError: it cannot be\n"))
    assert (failure.code, failure.evidence[-1]) == ("config", "ValueError: it cannot be")


def test_an_error_is_shown_with_those_that_led_to_it() -> None:
    chain = (
        'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    read()\nOSError: the first\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "/x/b.py", line 4, in g\n    f()\nRuntimeError: the last\n'
    )
    failure = explain(End(1, "failed", chain))
    assert failure.message == "RuntimeError: the last"
    assert (failure.evidence[0], failure.evidence[-1]) == ("OSError: the first", "RuntimeError: the last")


def test_a_message_that_begins_on_the_next_line_is_told_without_a_traceback() -> None:
    failure = explain(End(1, "failed", "RuntimeError: \n            It went wrong, and here is why.\n"))
    assert failure.message.endswith("RuntimeError: It went wrong, and here is why.")


def test_what_an_aside_led_to_is_aside_as_well() -> None:
    died = (
        'Traceback (most recent call last):\n  File "/x/c.py", line 4, in g\n    h()\nRuntimeError: it died of this\n'
    )
    aside = (
        "Exception ignored in: <function Engine.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        '  File "/x/engine.py", line 3, in __del__\n    stop()\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/x/d.py", line 4, in g\n    f()\nValueError: not of this\n'
    )
    assert explain(End(1, "failed", died + aside)).message == "RuntimeError: it died of this"


def test_an_error_of_a_finalizer_is_told_where_nothing_else_tells_a_cause() -> None:
    aside = (
        "Exception ignored in: <function Adam.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        "  File \"/x/adam.py\", line 3, in __del__\nModuleNotFoundError: No module named 'fancy'\n"
    )
    refused = "launcher.py: error: unrecognized arguments: --lora_rnk 8\n"
    assert explain(End(1, "failed", aside + refused)).code == "config"
    assert explain(End(1, "failed", aside + "it ended\n")).code == "import"


def test_what_a_library_refuses_is_told_by_the_frame_that_raised_it() -> None:
    frame = '  File "/x/site-packages/{file}", line 3, in f\n    raise {error}("it cannot be")\n'
    refusal = "Traceback (most recent call last):\n{frame}{error}: it cannot be\n"

    def code(file: str, error: str) -> str:
        raised_there = frame.format(file=file, error=error)
        return explain(End(1, "failed", refusal.format(frame=raised_there, error=error))).code

    assert code("peft/config.py", "ValueError") == code("deepspeed/engine.py", "RuntimeError") == "config"
    assert code("mine/model.py", "ValueError") == code("torch/cuda/graphs.py", "RuntimeError") == "training_error"


def test_the_lines_of_each_rank_are_read_by_themselves() -> None:
    mixed = (
        "[rank0]: Traceback (most recent call last):\n[rank1]: Traceback (most recent call last):\n"
        '[rank0]:   File "/x/llamafactory/data/converter.py", line 94, in __call__\n'
        '[rank1]:   File "/x/torch/distributed/distributed_c10d.py", line 4551, in barrier\n'
        "[rank0]: KeyError: 'output'\n[rank1]: torch.distributed.DistBackendError: NCCL communicator was aborted\n"
    )
    failure = explain(End(1, "failed", mixed))
    assert failure.code == "dataset"
    assert failure.evidence[-1] == "KeyError: 'output'"


def test_a_line_of_somebody_else_does_not_end_a_traceback() -> None:
    said = (
        'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\nwandb: Run summary:\n'
        '  File "/x/b.py", line 4, in g\nImportError: no such thing\n'
    )
    assert explain(End(1, "failed", said)).message.endswith("ImportError: no such thing")


def test_what_later_processes_died_of_is_not_the_cause() -> None:
    listed = (
        "Failures:\n[1]:\n  exitcode  : -9 (pid: 72)\n  traceback : Signal 9 (SIGKILL) received by PID 72\n"
        "Root Cause (first observed failure):\n[0]:\n  exitcode  : -11 (pid: 71)\n"
    )
    assert explain(End(1, "failed", listed)).code == "crashed"


def test_rows_that_llamafactory_left_out_are_shown_with_the_error() -> None:
    line = "[WARNING|2026-11-29 10:00:00] llamafactory.data.converter:154 >> Invalid role tag in [{'from': 'bot'}]."
    raised = "Traceback (most recent call last):\n  File x\nRuntimeError: Cannot find valid samples, check `data`.\n"
    failure = explain(End(1, "failed", raised, f"{line}\n" * 50))
    assert (failure.code, failure.evidence[-1]) == ("dataset", line)


def test_a_sample_of_the_data_is_no_cause() -> None:
    said = "training example:\ninputs: why does it say CUDA out of memory, No space left on device, NCCL error?\n"
    assert explain(End(1, "failed", "ValueError: something else\n", said)).code == "training_error"


def test_a_very_long_line_takes_no_time() -> None:
    started = time.monotonic()
    explain(End(1, "failed", "1" * 32_000 + "\n" + "9%|| [" * 5_000))
    assert time.monotonic() - started < 1


def test_every_code_is_explained_to_users() -> None:
    explained = (Path(__file__).parents[4] / "docs" / "user-guide.md").read_text()
    table = explained.partition("## Why a job failed")[2].partition("\n## ")[0]
    assert {row.code for row in (*CAUSES, OTHERWISE)} - set(re.findall(r"`([a-z_]+)`", table)) == {"cancelled"}


texts = st.text(
    alphabet="Traceback (most recent call last):\n\r\x1b[0m{}{line} ValueError: NCCL error 'loss': nan", max_size=300
)


@given(st.none() | st.integers(0, 255), st.none() | st.sampled_from(sorted(WORDS)), texts | st.text(), texts)
def test_no_end_is_without_a_cause(exit_code: int | None, word: str | None, stderr: str, stdout: str) -> None:
    failure = explain(End(exit_code, word, stderr, stdout))
    assert failure.code
    assert len(failure.evidence) <= EVIDENCE_LINES
    assert all(line and len(line) <= MAX_LINE_CHARACTERS for line in failure.evidence)


@pytest.mark.parametrize(
    ("line", "exit_code", "says"),
    [
        ("packtrain: the prelude failed on n1: module load apptainer", 69, "tell the operator"),
        ("packtrain: no private folder can be made in /tmp on n1", 73, "exclude the node"),
        ("packtrain: the secret WANDB_API_KEY is no longer on the cluster: retry the job", 78, "secrets anew"),
    ],
)
def test_what_kept_a_run_from_its_start_says_what_to_do(line: str, exit_code: int, says: str) -> None:
    failure = explain(End(exit_code, "failed", f"{line}\nsrun: error: n1: task 0: Exited with exit code {exit_code}\n"))
    assert failure.code == "container"
    assert says in (failure.hint or "")


@pytest.mark.parametrize(
    ("number", "word", "code"),
    [
        (1, "Hangup", "terminated"),
        (2, "Interrupt", "terminated"),
        (6, "Aborted", "aborted"),
        (8, "Floating point exception", "crashed"),
        (9, "Killed", "killed"),
        (11, "Segmentation fault", "crashed"),
    ],
)
def test_the_launchers_word_shows_which_signal_ended_a_run(number: int, word: str, code: str) -> None:
    line = f"packtrain: the program was ended by signal {number} ({word})"
    failure = explain(End(128 + number, "failed", f"1%|\n{line}\nsrun: error: n1: task 0: Exited with exit code 1\n"))
    assert (failure.code, failure.evidence[0]) == (code, line)


@pytest.mark.parametrize(
    "said",
    [
        "  what():  invalid device pointer: 0x7ff443ffdc00",
        "double free or corruption (!prev)",
        "free(): invalid pointer",
        "python: io.cpp:125: int wait(): Assertion `done >= least' failed.",
    ],
)
def test_an_abort_is_shown_with_the_error_that_led_to_it(said: str) -> None:
    ended = "packtrain: the program was ended by signal 6 (Aborted)"
    failure = explain(End(134, "failed", f"{said}\n{ended}\n"))
    assert (failure.code, said.strip() in failure.evidence) == ("aborted", True)


def test_a_finalizer_that_cannot_clean_up_is_not_the_cause() -> None:
    aside = (
        'Traceback (most recent call last):\n  File "/x/multiprocess/util.py", line 300, in _run_finalizers\n'
        "    finalizer()\nOSError: [Errno 16] Device or resource busy: '.nfs000000018091a43c'\n"
    )
    killed = "/srv/runs/a/job.sh: line 52: 4711 Killed                  apptainer exec image.sif\n"
    failure = explain(End(137, "failed", aside + killed))
    assert (failure.code, failure.evidence[-1]) == ("killed", killed.strip())


def test_a_shell_in_the_image_shows_which_program_is_missing() -> None:
    line = "/.singularity.d/actions/exec: 9: exec: llamafactory-cli: not found"
    failure = explain(End(127, "failed", f"{line}\nsrun: error: n1: task 0: Exited with exit code 127\n"))
    assert (failure.code, failure.evidence) == ("not_found", (line,))


def test_an_error_is_shown_with_the_one_that_it_led_to() -> None:
    chain = (
        'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    read()\nEOFError: unexpected EOF\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "/x/b.py", line 4, in g\n    f()\nRuntimeError: the last\n'
    )
    failure = explain(End(1, "failed", chain))
    assert failure.code == "model_files"
    assert failure.evidence[-2:] == ("EOFError: unexpected EOF", "RuntimeError: the last")


@pytest.mark.parametrize("place", ["bash", "/var/spool/slurmd/job00007/slurm_script", "/r/jobs/job_1/1/job.sh"])
def test_a_program_that_is_missing_on_the_node_is_told_by_the_shell(place: str) -> None:
    failure = explain(End(127, "failed", f"{place}: line 138: apptainer: command not found\n"))
    assert failure.code == "not_found"
    assert "apptainer" in failure.evidence[0]


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ("torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered", "node_fail", "exclude"),
        ("RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable", "node_fail", "exclude"),
        ("RuntimeError: Found no NVIDIA driver on your system.", "container", "container_gpu_flag"),
        ("RuntimeError: No CUDA GPUs are available", "container", "container_gpu_flag"),
        ("OSError: [Errno 5] Input/output error", "node_fail", "exclude"),
        ("OSError: [Errno 116] Stale file handle: '/home/x'", "node_fail", "exclude"),
        (
            "requests.exceptions.ProxyError: HTTPSConnectionPool(host='huggingface.co', port=443): "
            "Max retries exceeded (Caused by ProxyError('Unable to connect to proxy', OSError('Tunnel failed: 407')))",
            "model_files",
            "a path on the cluster",
        ),
        (
            "deepspeed.runtime.zero.utils.ZeRORuntimeException: The checkpoint being loaded used a DP world size of 8 "
            "but the current world size is 4.",
            "gpu_count",
            "as many GPUs",
        ),
    ],
)
def test_an_end_that_no_machine_here_can_provoke_is_told_by_its_last_line(line: str, code: str, hint: str) -> None:
    failure = explain(
        End(1, "failed", f'Traceback (most recent call last):\n  File "/x/a.py", line 3, in f\n    g()\n{line}')
    )
    assert (failure.code, line[:250] in failure.evidence[-1]) == (code, True)
    assert hint in (failure.hint or "")
