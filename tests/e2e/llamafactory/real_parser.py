"""Runs in the training image: what LLaMA-Factory's parser says to each configuration, all in one process.

On standard input a list of {"command": "train" | "export", "is_distributed": bool, "config": {...}}; on standard output
a list of the complaints, null where there is none. Two things are the machine's and not the configuration's, and are
set aside: which packages are installed, and whether torchrun has started the process.
"""

import json
import logging
import os
import sys
import warnings
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # LLaMA-Factory logs to standard output

from llamafactory.hparams import parser  # noqa: E402
from transformers.integrations import deepspeed  # noqa: E402
from transformers.training_args import ParallelMode, TrainingArguments  # noqa: E402

PARSE = {"train": parser.get_train_args, "export": parser.get_infer_args}


def complaint(case: dict[str, Any]) -> str | None:
    """The first line of what it says, or None."""
    mode = ParallelMode.DISTRIBUTED if case["is_distributed"] else ParallelMode.NOT_PARALLEL
    TrainingArguments.parallel_mode = property(lambda _: mode)
    deepspeed.unset_hf_deepspeed_config()  # the case before may have left its own
    try:
        PARSE[case["command"]](case["config"])
    except Exception as error:  # noqa: BLE001  # whatever it is, LLaMA-Factory would end with it
        return f"{type(error).__name__}: {str(error)[:300]}"
    return None


def main() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    parser._check_extra_dependencies = lambda *_: None
    json.dump([complaint(case) for case in json.load(sys.stdin)], OUT)


if __name__ == "__main__":
    main()
