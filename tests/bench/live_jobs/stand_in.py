#!/usr/bin/python3 -SE
"""Stands in for `llamafactory-cli train CONFIG` where hundreds of runs are wanted on a machine that carries one.

Bound over the real one in the training image, so that all around it is what runs every day. It trains nothing; every
few seconds it writes a line of trainer_log.jsonl, whose loss is the time at which it was written.
"""

import json
import re
import sys
import time
from pathlib import Path

LINE_SECONDS = 5.0
TOTAL_STEPS = 100_000


def main() -> None:
    """Write lines until somebody ends it."""
    config = Path(sys.argv[2]).read_text(encoding="utf-8")
    found = re.search(r'^output_dir: "?([^"\n]+)', config, re.MULTILINE)
    if found is None:
        sys.exit(f"{sys.argv[2]} names no output_dir")
    started = time.time()
    with Path(found[1], "trainer_log.jsonl").open("a", encoding="utf-8") as log:
        for step in range(1, TOTAL_STEPS + 1):
            time.sleep(LINE_SECONDS)
            log.write(json.dumps(line(step, time.time() - started)) + "\n")
            log.flush()


def line(step: int, elapsed_seconds: float) -> dict[str, object]:
    """A line in LLaMA-Factory's form; the time is taken last."""
    minutes, seconds = divmod(int(elapsed_seconds), 60)
    return {
        "current_steps": step,
        "total_steps": TOTAL_STEPS,
        "lr": 1e-4,
        "epoch": step / 100,
        "percentage": round(100 * step / TOTAL_STEPS, 2),
        "elapsed_time": f"0:{minutes:02}:{seconds:02}",
        "remaining_time": "1 day, 0:00:00",
        "loss": time.time(),
    }


if __name__ == "__main__":
    main()
