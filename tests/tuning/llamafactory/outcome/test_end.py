import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.outcome.end import OutputFile, RunEvidence, judge
from tuning.llamafactory.outcome.traceback_text import last_error

FIXTURES = Path(__file__).parents[3] / "fixtures" / "llamafactory"
STARTED_AT = 1_000.5
FILES = ("adapter_model.safetensors", "trainer_state.json", "train_results.json", "all_results.json")

TRACEBACK = """\
[INFO|2026-11-21] loading model\r 10%|#  |\r 20%|## |
Traceback (most recent call last):
  File "/opt/venv/bin/llamafactory-cli", line 8, in <module>
    sys.exit(main())
  File "/opt/llamafactory/data/loader.py", line 47, in _load
    raise ValueError(f"Undefined dataset {name} in {DATA_CONFIG}.")
ValueError: Undefined dataset wmt in dataset_info.json.
"""
TORCHRUN = """\
[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 1, in <module>
[rank1]:     x
[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
W1121 10:00:00.000 torch/distributed/elastic/multiprocessing/api.py:900] Sending process 12 closing signal SIGTERM
Traceback (most recent call last):
  File "/opt/venv/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
  error_file: <N/A>
Traceback (most recent call last):
  File "/opt/venv/bin/llamafactory-cli", line 8, in <module>
    subprocess.run(command, check=True)
subprocess.CalledProcessError: Command '['torchrun', '--nnodes', '1']' returned non-zero exit status 1.
"""


def files(*names: str, at: float = STARTED_AT + 60) -> tuple[OutputFile, ...]:
    return tuple(OutputFile(name, 100, at) for name in names)


def recorded(case: str, **changes: Any) -> RunEvidence:
    """What a recorded run left; train_results is what all_results says of training, as LLaMA-Factory writes it."""
    all_results = (FIXTURES / f"all_results.{case}.json").read_text()
    evidence = RunEvidence(
        exit_code=0,
        started_at_seconds=STARTED_AT,
        files=files(*FILES),
        trainer_state=(FIXTURES / f"trainer_state.{case}.json").read_text(),
        train_results=all_results,
        all_results=all_results,
        slurm="completed",
    )
    return replace(evidence, **changes)


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("complete", "succeeded"),
        ("torchrun2", "succeeded"),
        ("no_tokens", "succeeded"),
        ("resumed_after_kill", "succeeded"),
        ("nan", "succeeded"),
        ("diverged", "succeeded"),
        ("early_stop", "succeeded_early"),
        ("jit_sigterm", "interrupted"),
        ("sigabrt", "interrupted"),
    ],
)
def test_recorded_runs_are_judged_by_their_steps_not_by_their_exit_code(case: str, status: str) -> None:
    outcome = judge(recorded(case))
    assert outcome.status == status
    assert (outcome.failure is None) == status.startswith("succeeded")
    assert outcome.diverged == (case in ("nan", "diverged"))


def stopped_before_a_checkpoint(**changes: Any) -> str:
    """What a run leaves that stopped early before it saved one: the callback's counter is as it began."""
    state = json.loads((FIXTURES / "trainer_state.early_stop.json").read_text())
    state["stateful_callbacks"]["EarlyStoppingCallback"]["attributes"]["early_stopping_patience_counter"] = 0
    return json.dumps({**state, **changes})


def test_an_early_stop_without_a_counter_is_told_by_its_evaluations() -> None:
    assert judge(recorded("early_stop", trainer_state=stopped_before_a_checkpoint())).status == "succeeded_early"


@pytest.mark.parametrize("changes", [{"best_global_step": 40}, {"global_step": 41}, {"best_global_step": None}])
def test_an_interruption_is_no_early_stop(changes: dict[str, Any]) -> None:
    state = stopped_before_a_checkpoint(**changes)
    assert judge(recorded("early_stop", trainer_state=state)).status == "interrupted"


def test_the_result_of_a_complete_run() -> None:
    train_results = (FIXTURES / "train_results.complete.json").read_text()
    result = judge(recorded("complete", train_results=train_results)).result
    assert result.pop("train_loss") == pytest.approx(6.013216272989909)
    assert result == {
        "eval_loss": 5.886216640472412,
        "runtime_seconds": 27.9831,
        "epochs": 2.0,
        "steps": 90,
        "tokens": 11520,
    }


def test_the_training_loss_of_a_resumed_run_is_that_of_all_its_steps() -> None:
    result = judge(recorded("resumed_after_kill")).result
    assert 5.7 < result["train_loss"] < 6.0  # the file says 1.43


def test_the_training_loss_is_llamafactorys_own() -> None:
    state = json.loads((FIXTURES / "trainer_state.complete.json").read_text())
    state["log_history"] = [entry for entry in state["log_history"] if "loss" not in entry or entry["step"] <= 80]
    result = judge(recorded("complete", trainer_state=json.dumps(state))).result
    assert result["train_loss"] == pytest.approx(6.013216272989909)


def test_what_is_not_finite_is_left_out() -> None:
    assert "eval_loss" not in judge(recorded("nan")).result


def test_an_interruption_says_where() -> None:
    failure = judge(recorded("sigabrt", slurm="timeout")).failure
    assert failure is not None
    assert failure.code == "timeout"
    assert failure.message.startswith("training was stopped at step 23 of 360: the time limit was reached; the weights")


def test_an_interruption_by_nobody_known_is_called_that() -> None:
    failure = judge(recorded("jit_sigterm")).failure
    assert failure is not None
    assert failure.code == "interrupted"
    assert failure.message.startswith("training was stopped at step ")


@pytest.mark.parametrize("missing", ["adapter_model.safetensors", "trainer_state.json", "train_results.json"])
def test_a_missing_file_is_no_success(missing: str) -> None:
    outcome = judge(recorded("complete", files=files(*(name for name in FILES if name != missing))))
    assert outcome.status == "failed"
    assert outcome.failure is not None
    assert outcome.failure.code == "incomplete"
    assert missing in outcome.failure.message or missing.startswith("adapter")


@pytest.mark.parametrize("stale", ["adapter_model.safetensors", "trainer_state.json", "train_results.json"])
def test_a_file_of_an_earlier_attempt_is_no_success(stale: str) -> None:
    fresh = files(*(name for name in FILES if name != stale))
    assert judge(recorded("complete", files=(*fresh, *files(stale, at=STARTED_AT - 10)))).status == "failed"


def test_a_file_of_the_second_of_the_start_is_fresh() -> None:
    assert judge(recorded("complete", files=files(*FILES, at=float(int(STARTED_AT))))).status == "succeeded"


@pytest.mark.parametrize(
    "weights", ["model.safetensors", "model-00001-of-00002.safetensors", "adapter_model.bin", "pytorch_model.bin"]
)
def test_any_form_of_weights_will_do(weights: str) -> None:
    assert judge(recorded("complete", files=files(weights, *FILES[1:]))).status == "succeeded"


@pytest.mark.parametrize("weights", ["checkpoint-20/adapter_model.safetensors", "adapter_model.safetensors.tmp"])
def test_weights_elsewhere_are_not_the_final_ones(weights: str) -> None:
    assert judge(recorded("complete", files=files(weights, *FILES[1:]))).status == "failed"


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "null", '{"global_step": "90"}', "[" * 100_000, '{"max_steps": true}']
)
def test_broken_files_count_as_missing(broken: str) -> None:
    assert judge(recorded("complete", trainer_state=broken)).status in ("failed", "interrupted")
    assert judge(recorded("complete", all_results=broken)).status == "succeeded"


def predicted(**changes: Any) -> RunEvidence:
    """What a recorded run of predict_with_generate left."""
    evidence = RunEvidence(
        exit_code=0,
        started_at_seconds=STARTED_AT,
        files=files("predict_results.json", "generated_predictions.jsonl", "all_results.json"),
        predict_results=(FIXTURES / "predict_results.json").read_text(),
        kind="predict",
    )
    return replace(evidence, **changes)


def test_a_prediction_is_judged_by_its_scores_and_its_texts() -> None:
    outcome = judge(predicted())
    assert (outcome.status, outcome.failure) == ("succeeded", None)
    assert outcome.result == {
        "bleu_4": 6.578283333333332,
        "rouge_1": 6.7724833333333345,
        "rouge_2": 0.0,
        "rouge_l": 6.587296666666666,
        "runtime_seconds": 3.6377,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"files": files("predict_results.json")},
        {"files": files("generated_predictions.jsonl")},
        {"predict_results": "{"},
        {"predict_results": None},
        {"exit_code": 1},
        {"files": files("predict_results.json", "generated_predictions.jsonl", at=STARTED_AT - 10)},
    ],
)
def test_a_prediction_without_either_has_failed(changes: dict[str, Any]) -> None:
    outcome = judge(predicted(**changes))
    assert outcome.status == "failed"
    assert outcome.failure


def exported(**changes: Any) -> RunEvidence:
    left = files("config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "Modelfile")
    return replace(RunEvidence(0, STARTED_AT, files=left, kind="export"), **changes)


def test_an_export_is_judged_by_the_model_that_it_left() -> None:
    outcome = judge(exported())
    assert (outcome.status, outcome.failure, outcome.result) == ("succeeded", None, {"size_bytes": 200})


@pytest.mark.parametrize(
    "changes",
    [
        {"files": files("config.json")},
        {"files": files("model.safetensors")},
        {"exit_code": 1},
        {"exit_code": None},
        {"files": files("config.json", "model.safetensors", at=STARTED_AT - 10)},
    ],
)
def test_an_export_without_a_whole_model_has_failed(changes: dict[str, Any]) -> None:
    outcome = judge(exported(**changes))
    assert outcome.status == "failed"
    assert outcome.failure


def test_slurms_word_weighs_more_than_what_the_job_said() -> None:
    failure = judge(RunEvidence(1, STARTED_AT, stderr_tail=TRACEBACK, slurm="out_of_memory")).failure
    assert failure is not None
    assert failure.code == "out_of_memory"
    assert "memory" in (failure.hint or "")


@pytest.mark.parametrize(
    ("exit_code", "stderr", "slurm", "code", "says"),
    [
        (1, TRACEBACK, "failed", "dataset", "Undefined dataset wmt"),
        (1, TORCHRUN, "failed", "cuda_out_of_memory", "CUDA out of memory"),
        (1, "OSError: [Errno 28] No space left on device\n", None, "disk_full", "No space left"),
        (255, "FATAL:   could not open image /x.sif: no such file\n", None, "container", "could not open image"),
        (1, "ValueError: Some keys are not used by the HfArgumentParser: ['foo']", None, "config", "foo"),
        (127, "job.sh: line 3: apptainer: command not found\n", None, "not_found", "exit code 127"),
        (137, "Killed\n", None, "killed", "exit code 137"),
        (143, "", None, "terminated", "exit code 143"),
        (1, "", None, "training_error", "exit code 1 and said nothing"),
        (None, "", None, "unknown", "exit record"),
        (None, "", "node_fail", "node_fail", "node failed"),
        (None, "", "cancelled", "cancelled", "cancelled"),
        (0, "", "completed", "incomplete", "weights"),
    ],
)
def test_a_failure_has_a_code_and_a_reason(
    exit_code: int | None, stderr: str, slurm: str | None, code: str, says: str
) -> None:
    outcome = judge(RunEvidence(exit_code, STARTED_AT, stderr_tail=stderr, slurm=slurm))
    assert outcome.status == "failed"
    assert outcome.failure is not None
    assert outcome.failure.code == code
    assert says in outcome.failure.message


def test_a_failure_after_the_training_says_that_the_weights_are_there() -> None:
    failure = judge(recorded("complete", exit_code=1)).failure
    assert failure is not None
    assert "the weights are among the artifacts" in failure.message


def test_torchruns_own_traceback_is_looked_through() -> None:
    error = last_error(TORCHRUN)
    assert error.message == "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert error.evidence[-1] == error.message


def test_colours_progress_bars_and_control_characters_do_not_come_through() -> None:
    error = last_error("\x1b[31mred\x1b[0m\x07 \x9b\r50%\r100% Error: x\x00y\n")
    assert error.message == "100% Error: xy"


def test_long_lines_are_cut() -> None:
    assert len(last_error("Error: " + "x" * 100_000).message or "") == 300


KEYS = [
    "global_step",
    "max_steps",
    "log_history",
    "loss",
    "step",
    "stateful_callbacks",
    "eval_loss",
    "args",
    "attributes",
]
evil_keys = st.sampled_from([*KEYS, "EarlyStoppingCallback", "early_stopping_patience_counter"])
evil = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(evil_keys, inner, max_size=4),
)


@given(evil, evil, st.text(max_size=200))
def test_no_content_of_the_files_raises(state: Any, results: Any, stderr: str) -> None:
    outcome = judge(
        recorded("complete", trainer_state=json.dumps(state), train_results=json.dumps(results), stderr_tail=stderr)
    )
    json.dumps(outcome.result, allow_nan=False)
    assert (outcome.failure is None) == outcome.status.startswith("succeeded")


@given(st.text(alphabet="Traceback (most recent call last):\n\r [rank0]: ValueError\x1b[0m", max_size=300))
def test_any_text_has_its_last_error(text: str) -> None:
    error = last_error(text)
    assert (error.message is None) == (not error.evidence)


def evaluated(**changes: Any) -> RunEvidence:
    """What a run that only evaluates leaves."""
    evidence = RunEvidence(
        exit_code=0,
        started_at_seconds=STARTED_AT,
        files=files("eval_results.json", "all_results.json"),
        eval_results='{"eval_loss": 1.25, "eval_runtime": 3.5, "eval_samples_per_second": 10}',
        kind="predict",
        evaluates_only=True,
    )
    return replace(evidence, **changes)


def test_an_evaluation_is_judged_by_its_loss() -> None:
    outcome = judge(evaluated())
    assert (outcome.status, outcome.result) == ("succeeded", {"eval_loss": 1.25, "runtime_seconds": 3.5})
    assert outcome.failure is None


@pytest.mark.parametrize("changes", [{"exit_code": 1}, {"files": ()}, {"eval_results": "{"}, {"eval_results": None}])
def test_an_evaluation_without_results_has_failed(changes: dict[str, Any]) -> None:
    assert judge(evaluated(**changes)).status == "failed"
