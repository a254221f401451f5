"""Check a data file as the server does: `python -m tests.bench.peers.check_program FILE`."""

import json
import sys
import time
from pathlib import Path

from tuning.datasets.validation import validate


def main(file: str) -> None:
    """Check, and tell."""
    began, processor = time.perf_counter(), time.process_time()
    with Path(file).open("rb") as stream:
        rows = validate(stream).report.rows
    seconds = time.perf_counter() - began
    said = {"seconds": seconds, "processor_seconds": time.process_time() - processor}
    json.dump({**said, "peak_bytes": most_bytes(), "rows": rows}, sys.stdout)


def most_bytes() -> int:
    """VmHWM of proc(5), this program's own: getrusage would tell of the one that started it too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
