"""Load a data file with `datasets`: `python THIS FILE CACHE [each]`; prints seconds, and the peak memory in bytes.

With `each`, every row is looked at too, as whoever wants to know what is in it has to.
"""

import json
import sys
import time
from pathlib import Path

from datasets import disable_progress_bars, load_dataset


def main(file: str, cache: str, *wishes: str) -> None:
    """Load, and tell."""
    disable_progress_bars()
    began, processor = time.perf_counter(), time.process_time()
    loaded = load_dataset("json", data_files=file, cache_dir=cache, split="train")
    rows = sum(1 for _ in loaded) if "each" in wishes else len(loaded)
    seconds = time.perf_counter() - began
    said = {"seconds": seconds, "processor_seconds": time.process_time() - processor}
    json.dump({**said, "peak_bytes": most_bytes(), "rows": rows}, sys.stdout)


def most_bytes() -> int:
    """VmHWM of proc(5), this program's own: getrusage would tell of the one that started it too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
