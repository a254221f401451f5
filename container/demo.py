"""From a bare machine to a finished fine-tuning run: `make demo`. Ends everything that it started, whatever happens."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from container import stack
from container.lab import ports
from container.steps import StepError, say
from packtrain.cli.text.units import size

STATE = Path(".packtrain/demo")
RESULT = Path(".packtrain/demo-result")
EXAMPLES = Path("examples")
SUBMIT = (
    "submit",
    str(EXAMPLES / "llama3_lora_sft.yaml"),
    "--data",
    str(EXAMPLES / "datasets/ja-en-pairs.json"),
    "--data",
    str(EXAMPLES / "datasets/ja-en-chats.jsonl"),
    "--name",
    "llama3 lora sft, ja-en",
    "--tag",
    "team=demo",
    "--watch",
)
NEXT = """
What to try next:
  make up                         the same cluster, server and worker, to keep; it prints the address of the pages
  source .venv/bin/activate       so that the shell finds packtrain; then
    packtrain submit examples/llama3_lora_sft.yaml --data examples/datasets/ja-en-pairs.json --watch
    packtrain list, packtrain logs -f JOB, packtrain cancel JOB, packtrain clusters doctor lab
  make down                       stop everything
All that packtrain does: docs/user-guide.md. On your own cluster: docs/operator-guide.md.
"""


def main() -> int:
    """The demo; 0 when the run has succeeded."""
    signal.signal(signal.SIGTERM, _interrupted)
    started = time.monotonic()
    shutil.rmtree(STATE, ignore_errors=True)
    try:
        stack.up(STATE, ports.pick())
        _run_and_show({**os.environ, **_env(STATE / "env")})
    except StepError as error:
        sys.stderr.write(f"\nthe demo failed: {error}\nlogs: {STATE}/*.log, {STATE}/lab/lab.log\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; taking everything down\n")
        return 130
    finally:
        stack.down(STATE)
    say(NEXT)
    say(f"all of it took {time.monotonic() - started:.0f} s")
    return 0


def _run_and_show(environment: Mapping[str, str]) -> None:
    _shown([*SUBMIT], environment)
    _shown(["list"], environment)
    job = _only_job(environment)
    _shown(["show", job], environment)
    shutil.rmtree(RESULT, ignore_errors=True)
    _shown(["download", job, "--to", str(RESULT)], environment)
    for file in sorted(one for one in RESULT.rglob("*") if one.is_file()):
        say(f"  {file.relative_to(RESULT)!s:<28} {size(file.stat().st_size):>9}")


def _shown(arguments: list[str], environment: Mapping[str, str]) -> None:
    """A command as a user would type it, with its output."""
    say(f"\n$ packtrain {' '.join(_quoted(one) for one in arguments)}")
    command = [sys.executable, "-m", "packtrain", *arguments]
    code = subprocess.run(command, env=dict(environment), check=False).returncode
    if code != 0:
        raise StepError(f"packtrain {arguments[0]} ended with {code}")


def _quoted(argument: str) -> str:
    return f'"{argument}"' if " " in argument else argument


def _only_job(environment: Mapping[str, str]) -> str:
    listed = json.loads(stack.packtrain(["list", "--json"], environment))
    return str(listed["data"][0]["id"])


def _env(file: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: value for name, _, value in pairs}


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
