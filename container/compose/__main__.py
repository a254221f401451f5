"""Command of docker-compose.yml: `python -m container.compose prepare|test`."""

import argparse
import signal
import sys
from pathlib import Path

from container import image
from container.compose import trial
from container.compose.prepare import LabParts, prepare
from container.lab import models
from container.steps import StepError, say

FOLDER = Path(".packtrain/compose")


def main(arguments: list[str]) -> int:
    """0, or 1 with the reason on stderr."""
    # A termination unwinds like Ctrl-C, so that everything is taken down again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="python -m container.compose", description=__doc__)
    parser.add_argument("action", choices=["prepare", "test"], help="prepare: write what the file mounts")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where prepare writes")
    parser.add_argument("--lab", action="store_true", help="prepare the profile lab too")
    options = parser.parse_args(arguments)
    try:
        if options.action == "prepare":
            prepare(options.folder, LabParts(image.build("cpu"), models.build()) if options.lab else None)
            say(f"{options.folder} is ready; docker compose finds it by PACKTRAIN_CONFIG_DIR")
        else:
            trial.run()
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
