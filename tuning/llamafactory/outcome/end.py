"""End of a run, judged by what it left behind.

An exit code of 0, weights and train_results.json are not success: a run that was stopped by SIGTERM with
enable_jit_checkpoint, or by SIGABRT under LLaMA Board, leaves all three (facts, section 2; recorded).
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tuning.llamafactory.causes import WORDS
from tuning.llamafactory.kinds import Kind
from tuning.llamafactory.outcome.failure import End, Failure, explain
from tuning.llamafactory.outcome.losses import loss_after_last_line, mean_loss
from tuning.llamafactory.outcome.results import load_results, number
from tuning.llamafactory.outcome.traceback_text import last_error

RunStatus = Literal["succeeded", "succeeded_early", "interrupted", "failed"]

_NO_BAD_END = (None, "completed", "lost")
_PREDICTED = {
    "bleu_4": "bleu-4",
    "rouge_1": "rouge-1",
    "rouge_2": "rouge-2",
    "rouge_l": "rouge-l",
    "runtime_seconds": "runtime",
}
_SAVED = "the weights up to there are among the artifacts"
_WEIGHTS = re.compile(r"adapter_model\.(safetensors|bin)|(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)")


@dataclass(frozen=True)
class OutputFile:
    """A file of the output folder."""

    path: str
    """Relative to the folder."""
    size_bytes: int
    modified_at_seconds: float


@dataclass(frozen=True)
class RunEvidence:
    """Records and log texts of an attempt that is over; texts are None where the file is missing or was not read."""

    exit_code: int | None
    """Of the batch script, by its own record or Slurm's word; None when neither tells."""
    started_at_seconds: float
    """By the clock of the cluster's file system (the mtime of the attempt's `started` file): files are held to it."""
    files: tuple[OutputFile, ...] = ()
    trainer_state: str | None = None
    train_results: str | None = None
    all_results: str | None = None
    predict_results: str | None = None
    eval_results: str | None = None
    stderr_tail: str = ""
    stdout_tail: str = ""
    slurm: str | None = None
    """Slurm's end in one word: completed, failed, timeout, out_of_memory, node_fail, preempted, cancelled, ..."""
    kind: Kind = "train"
    evaluates_only: bool = False
    """Of kind predict: it measures a loss and writes no answers."""


@dataclass(frozen=True)
class Outcome:
    """Status of a run that is over; `failure` is None exactly for the two kinds of success."""

    status: RunStatus
    failure: Failure | None
    result: dict[str, float]
    """Of train_loss, eval_loss, runtime_seconds, epochs, steps, tokens (train), bleu_4, rouge_1, rouge_2, rouge_l,
    runtime_seconds (predict), size_bytes (export): those that are known and finite."""
    diverged: bool
    """The evaluation loss is not finite, or the last training loss is not, or is 0.0 (what transformers logs in place
    of a NaN): the weights are most likely of no use.

    It does not make a failure of a success. Everything that was asked for was done and is there, and it is no proof: an
    evaluation whose answers are all cut off has no finite loss with good weights, and a DPO loss may come down to 0.0.
    So it is told beside the success, for a person to judge; of a run that failed otherwise it is one of the causes.
    """
    last_loss: float | None = None
    """The mean loss of the steps after the last line of the log, where a training that is done has such."""
    told: str | None = None
    """The end in words, where a success is no finished run."""


def judge(evidence: RunEvidence) -> Outcome:
    """The outcome of an attempt; never raises: broken files count as missing ones."""
    fresh = {file.path: file for file in evidence.files if _is_fresh(file, evidence)}
    match evidence.kind:
        case "train":
            return _judge_training(evidence, frozenset(fresh))
        case "predict" if evidence.evaluates_only:
            return _judge_evaluation(evidence, frozenset(fresh))
        case "predict":
            return _judge_prediction(evidence, frozenset(fresh))
        case "export":
            return _judge_export(evidence, fresh)


def _judge_training(evidence: RunEvidence, fresh: frozenset[str]) -> Outcome:
    state = load_results(evidence.trainer_state) if "trainer_state.json" in fresh else {}
    results = (
        {**load_results(evidence.all_results), **load_results(evidence.train_results)}
        if "train_results.json" in fresh
        else {}
    )
    is_complete = bool(state and results and _has_weights(fresh))
    result, diverged = _result(state, results), _diverged(state, results)
    if _may_be_good(evidence) and is_complete and _reached_end(state):
        return Outcome("succeeded", None, result, diverged, _last_loss(state, results))
    if evidence.exit_code == 0 and is_complete:
        if _stopped_early(state):
            return Outcome("succeeded_early", None, result, diverged, _last_loss(state, results))
        return Outcome("interrupted", _interruption(evidence, state), result, diverged)
    failure = _failure(evidence, _missing_of_training(evidence, fresh))
    if is_complete and _reached_end(state):
        done = "training itself was done, and the weights are among the artifacts"
        failure = replace(failure, message=f"{failure.message}; {done}")
    return Outcome("failed", failure, result, diverged)


def _judge_prediction(evidence: RunEvidence, fresh: frozenset[str]) -> Outcome:
    results = load_results(evidence.predict_results) if "predict_results.json" in fresh else {}
    known = {name: results.get(f"predict_{key}") for name, key in _PREDICTED.items()}
    result = {name: counted for name, value in known.items() if (counted := number(value)) is not None}
    missing = [name for name in ("predict_results.json", "generated_predictions.jsonl") if name not in fresh]
    if _may_be_good(evidence) and results and not missing:
        return Outcome("succeeded", None, result, diverged=False)
    return Outcome("failed", _failure(evidence, missing or ["a readable predict_results.json"]), result, diverged=False)


def _judge_evaluation(evidence: RunEvidence, fresh: frozenset[str]) -> Outcome:
    results = load_results(evidence.eval_results) if "eval_results.json" in fresh else {}
    known = {"eval_loss": results.get("eval_loss"), "runtime_seconds": results.get("eval_runtime")}
    result = {name: counted for name, value in known.items() if (counted := number(value)) is not None}
    if _may_be_good(evidence) and results:
        return Outcome("succeeded", None, result, diverged=False)
    return Outcome("failed", _failure(evidence, ["a readable eval_results.json"]), result, diverged=False)


def _judge_export(evidence: RunEvidence, fresh: Mapping[str, OutputFile]) -> Outcome:
    """LLaMA-Factory's export writes no results: a model is there, whole, or it is not."""
    missing = [] if _has_weights(fresh) else ["weights"]
    missing += [] if "config.json" in fresh else ["config.json"]
    size = sum(file.size_bytes for path, file in fresh.items() if _WEIGHTS.fullmatch(path))
    result: dict[str, float] = {"size_bytes": size} if size else {}
    if evidence.exit_code == 0 and not missing:
        return Outcome("succeeded", None, result, diverged=False)
    return Outcome("failed", _failure(evidence, missing or ["a whole model"]), result, diverged=False)


def _may_be_good(evidence: RunEvidence) -> bool:
    """Whether nobody told of a bad end: without any word of it, what a run writes last shows that it was done."""
    return evidence.exit_code == 0 or (evidence.exit_code is None and evidence.slurm in _NO_BAD_END)


def _has_weights(fresh: Iterable[str]) -> bool:
    return any(_WEIGHTS.fullmatch(path) for path in fresh)


def _is_fresh(file: OutputFile, evidence: RunEvidence) -> bool:
    """Left by this attempt, not an earlier one in the same folder; some file systems count whole seconds."""
    return file.size_bytes > 0 and file.modified_at_seconds >= math.floor(evidence.started_at_seconds)


def _reached_end(state: Mapping[str, Any]) -> bool:
    done, wanted = number(state.get("global_step")), number(state.get("max_steps"))
    return done is not None and wanted is not None and done >= wanted > 0


def _stopped_early(state: Mapping[str, Any]) -> bool:
    callback = _inside(state, "stateful_callbacks", "EarlyStoppingCallback")
    patience = number(_inside(callback, "args").get("early_stopping_patience"))
    waited = number(_inside(callback, "attributes").get("early_stopping_patience_counter"))
    if patience is None or waited is None:
        return False
    return max(waited, _evaluations_since_the_best(state)) >= patience


def _evaluations_since_the_best(state: Mapping[str, Any]) -> int:
    """The counter as it really was: the callback's own is written with a checkpoint only, and may be older.

    (transformers 5.6, EarlyStoppingCallback and Trainer._save_checkpoint. Seen: a run that stopped after the third
    evaluation, before its first checkpoint, has 0 there.)
    """
    best, last = number(state.get("best_global_step")), number(state.get("global_step"))
    steps = [number(entry.get("step")) for entry in _history(state) if "eval_loss" in entry or "eval_runtime" in entry]
    if best is None or last is None or not steps or steps[-1] != last:
        return 0
    return sum(step is not None and step > best for step in steps)


def _inside(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _history(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    history = state.get("log_history")
    return [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []


def _result(state: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, float]:
    known = {
        "train_loss": mean_loss(_history(state), number(results.get("train_loss")), number(state.get("global_step"))),
        "eval_loss": results.get("eval_loss"),
        "runtime_seconds": results.get("train_runtime"),
        "epochs": results.get("epoch"),
        "steps": state.get("global_step"),
        "tokens": results.get("num_input_tokens_seen"),
    }
    return {name: counted for name, value in known.items() if (counted := number(value)) is not None}


def _last_loss(state: Mapping[str, Any], results: Mapping[str, Any]) -> float | None:
    own, steps = number(results.get("train_loss")), number(state.get("global_step"))
    return loss_after_last_line(_history(state), own, steps)


def _diverged(state: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    losses = [entry["loss"] for entry in _history(state) if "loss" in entry]
    is_last_bad = bool(losses) and (number(losses[-1]) is None or losses[-1] == 0.0)
    return is_last_bad or ("eval_loss" in results and number(results["eval_loss"]) is None)


def _interruption(evidence: RunEvidence, state: Mapping[str, Any]) -> Failure:
    """Stopped between two steps and saved: by Slurm's word where it has one, else nobody knows by whom."""
    done, wanted = number(state.get("global_step")), number(state.get("max_steps"))
    where = f"training was stopped at step {done} of {wanted}"
    evidenced = last_error(evidence.stderr_tail).evidence
    end = WORDS.get(evidence.slurm or "")
    if end is None:
        return Failure("interrupted", f"{where}; {_SAVED}", "retry, unless somebody meant it", evidenced)
    return Failure(end.code, f"{where}: {end.message}; {_SAVED}", end.hint, evidenced)


def _failure(evidence: RunEvidence, missing: Sequence[str]) -> Failure:
    logs = {"stderr": evidence.stderr_tail, "stdout": evidence.stdout_tail}
    return explain(End(evidence.exit_code, evidence.slurm, missing=missing, **logs))


def _missing_of_training(evidence: RunEvidence, fresh: frozenset[str]) -> list[str]:
    texts = {"trainer_state.json": evidence.trainer_state, "train_results.json": evidence.train_results}
    unread = [f"a readable {name}" for name, text in texts.items() if name not in fresh or not load_results(text)]
    return unread if _has_weights(fresh) else ["weights", *unread]
