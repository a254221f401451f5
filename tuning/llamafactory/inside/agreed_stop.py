"""Stops a training with a checkpoint, at a step that all of its processes agree on (docs/decisions/0005).

Rank 0 runs beside the batch script, which makes a file when it is time to stop. At the end of a step rank 0 announces
the step after next; the gradients are reduced in every step, so no other rank can have gone beyond the next one. The
trainer then saves in its ordinary way, and the process ends with 0, without evaluating and without a final model.
"""

import os
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.serialization import register_package
from transformers.trainer_callback import TrainerCallback

_KEY = "packtrain/stop_at"


def _to_any_cpu(storage: Any, location: str) -> Any:
    """Several processes on CPUs load their optimizer to "cpu:0", "cpu:1" (Trainer), which torch does not know."""
    return storage if location.startswith("cpu:") else None


register_package(15, lambda _: None, _to_any_cpu)


class JITCheckpointCallback(TrainerCallback):  # type: ignore[misc]  # the name that transformers looks for
    """The callback that `enable_jit_checkpoint: true` adds to the trainer."""

    def __init__(self) -> None:
        self._attempt = Path(os.environ["PACKTRAIN_ATTEMPT"])
        self._owner_link = Path(os.environ["PACKTRAIN_OWNER_LINK"])
        self._stop_at: int | None = None

    def set_trainer(self, trainer: Any) -> None:
        """Part of transformers' interface; the trainer itself is not needed."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Ask for the checkpoint and the end when the agreed step is done."""
        if state.is_world_process_zero:
            self._leave_what_is_another_attempts()
        if self._stop_at is None:
            self._stop_at = self._agree(state.global_step)
        if self._stop_at == state.global_step:
            control.should_save = control.should_training_stop = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """The checkpoint is written: leave, all ranks together."""
        if self._stop_at == state.global_step:
            if _is_distributed():
                dist.barrier()
            raise SystemExit(0)
        return control

    def _agree(self, step: int) -> int | None:
        if not _is_distributed():
            return step if self._is_wanted() else None
        store = dist.distributed_c10d._get_default_store()
        if dist.get_rank() != 0:
            return int(store.get(_KEY)) if store.check([_KEY]) else None
        if not self._is_wanted():
            return None
        store.set(_KEY, str(step + 2))
        return step + 2

    def _is_wanted(self) -> bool:
        return (self._attempt / "stop").exists()

    def _leave_what_is_another_attempts(self) -> None:
        """A node that was cut off, and given up, must not write where its successor writes."""
        if self._owner_link.readlink() != self._attempt:
            os._exit(75)


def _is_distributed() -> bool:
    return bool(dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1)
