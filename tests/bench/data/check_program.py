"""Check a data file as the server does: `python -m tests.bench.data.check_program FILE`."""

import json
import sys
import time
from pathlib import Path

from tuning.datasets.check.processes import processes_here
from tuning.datasets.check.run import validate


def main(file: str) -> None:
    """Check, and tell."""
    began = time.perf_counter()
    with Path(file).open("rb") as stream:
        rows = validate(stream, processes=processes_here()).report.rows
    seconds = time.perf_counter() - began
    json.dump({"seconds": seconds, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
