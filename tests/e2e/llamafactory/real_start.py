"""Runs in the training image: what LLaMA-Factory says when each run is really started, all in one process.

On standard input a list of {"command": "train" | "export", "config": {...}}; on standard output a list of the
complaints, null where a run came to its end.
"""

import json
import os
import sys
import tempfile
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # LLaMA-Factory logs to standard output

from llamafactory.train.tuner import export_model, run_exp  # noqa: E402

RUN = {"train": (run_exp, "output_dir"), "export": (export_model, "export_dir")}


def complaint(case: dict[str, Any]) -> str | None:
    """The first words of what it ends with, or None."""
    run, folder = RUN[case["command"]]
    try:
        run({**case["config"], folder: tempfile.mkdtemp()})
    except Exception as error:  # noqa: BLE001  # whatever it is, the job would end with it
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None


if __name__ == "__main__":
    json.dump([complaint(case) for case in json.load(sys.stdin)], OUT)
