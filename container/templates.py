"""Make the templates' data anew: `python -m container.templates` (`make templates`), inside the training image."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from container import cache, image
from container.lab import rootfs
from container.lab.namespace import Mount, enter_command, environment
from container.steps import StepError, say, step

PROGRAM = Path(__file__).with_name("template_pieces.py")
FOLDER = Path(__file__).parents[1] / "tuning" / "llamafactory" / "schemas" / "templates"


def read() -> str:
    """Output of template_pieces.py, run in the training image. Raises StepError."""
    mounts = [
        Mount(image.build("cpu"), "/opt/packtrain/llamafactory.sif"),
        Mount(PROGRAM, "/context/template_pieces.py"),
    ]
    command = "apptainer -s exec --bind /context /opt/packtrain/llamafactory.sif python /context/template_pieces.py"
    inside = ["runuser", "-u", "packtrain", "--", "bash", "-c", command]
    tree = rootfs.build(rootfs.Profile.TRIXIE)
    with step("reading the templates"), tempfile.TemporaryDirectory(dir=cache.cache_root()) as state:
        entered = enter_command(tree, Path(state), inside)
        done = subprocess.run(entered, env=environment(mounts), capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepError(f"the templates cannot be read: {done.stderr[-2000:]}")
    return done.stdout


def main() -> int:
    try:
        text = read()
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    target = FOLDER / f"{json.loads(text)['llamafactory']}.json"
    part = target.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(target)
    say(str(target))
    return 0


if __name__ == "__main__":
    sys.exit(main())
