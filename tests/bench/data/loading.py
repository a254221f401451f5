"""Our check of a data file beside `datasets` loading the same file: speed, and memory as the file grows."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers import venv
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.tuning.datasets.files import alpaca, as_lines, sharegpt

PAIRS = 3
MOST_GROWTH = 1.1
CHUNK_ROWS = 1000
CHECK = (sys.executable, "-m", "tests.bench.data.check_program")
PROGRAM = Path(__file__).with_name("datasets_program.py")
NOTE = """\
Loading: `datasets` 4.0.0 as in the training image, each run in a process of its own with a new cache. A command is such
a process from its start to its end, as somebody would run it in a shell. The call alone, without imports, is beside it:
its reader is Arrow's, in C++ and on two threads here, and looks at no row. The check says of each row whether
LLaMA-Factory would train on it, with its number and line, and counts lengths, roles, scripts and repeats; of a large
file each processor reads a part. Beside it is also `datasets` handing out every row once, which any check of rows on
top of it has to do. Memory is that of all processes together, looked at every 10 ms, each shared page counted once
(Pss), the most of three runs, on short rows: the counters of repeats have their full size (131,072 contents, 15 MB) in
the smaller file too."""


@dataclass(frozen=True)
class Loaded:
    """What one program said."""

    seconds: float
    """Of the call, without imports."""
    rows: int


def measure(rig: Rig) -> Iterator[Row]:
    """Three rows for each form of file, one for a large one, and one about memory."""
    folder, python = rig.folder("loading"), venv.build("datasets") / "bin/python"
    small, large = max(50_000_000, rig.scale.upload_bytes // 40), max(400_000_000, rig.scale.upload_bytes // 4)
    pairs = _file(folder / "pairs.jsonl", small, "alpaca")
    chats = _file(folder / "chats.jsonl", small, "sharegpt")
    yield from _speed("alpaca", pairs, python)
    yield from _speed("sharegpt", chats, python)
    big = _file(folder / "large.jsonl", large, "alpaca")
    yield _as_commands(big, python)
    yield _memory(_file(folder / "less.jsonl", max(300_000_000, large // 4), "alpaca"), big)
    shutil.rmtree(folder)


def _speed(form: str, file: Path, python: Path) -> Iterator[Row]:
    command, alone, each, rows = Pairs(), Pairs(), Pairs(), 0
    for _ in range(PAIRS):
        ours, our_seconds = _timed(lambda: _check(file))
        theirs, their_seconds = _timed(lambda: _load(python, file))
        rows = ours.rows
        _add(command, our_seconds, their_seconds)
        _add(alone, ours.seconds, theirs.seconds)
        _add(each, ours.seconds, _load(python, file, "each").seconds)
    size, best = file.stat().st_size, min(alone.ours)
    speed = f"{size / best / 1e9:.3f} GB/s, {rows / best:,.0f} rows a second"
    what = f"check of a file, {form}, {size / 1e6:,.0f} MB, {size / rows:.0f} bytes a row"
    yield command.row(f"{what}, as a command", "datasets loads it, as a command", 1.0, NOTE)
    yield alone.row(f"the same, the call alone: {speed}", "datasets loads it, the call alone", None)
    yield each.row(f"the same, {form}", "datasets loads it and hands out each row", 1.0)


def _as_commands(file: Path, python: Path) -> Row:
    """Alone: the start of either counts for less, the longer the file is."""
    command = Pairs()
    for _ in range(PAIRS):
        _add(command, _timed(lambda: _check(file))[1], _timed(lambda: _load(python, file))[1])
    what = f"check of a file, alpaca, {file.stat().st_size / 1e6:,.0f} MB, as a command"
    return command.row(what, "datasets loads it, as a command", 1.0)


def _add(pairs: Pairs, ours: float, theirs: float) -> None:
    pairs.ours.append(ours)
    pairs.theirs.append(theirs)


def _timed(run: Callable[[], Loaded]) -> tuple[Loaded, float]:
    began = time.perf_counter()
    return run(), time.perf_counter() - began


def _memory(small: Path, large: Path) -> Row:
    peaks = [max(_peak_bytes([*CHECK, str(file)]) for _ in range(PAIRS)) for file in (small, large)]
    growth = peaks[1] / peaks[0]
    sizes = [f"{file.stat().st_size / 1e6:,.0f} MB" for file in (small, large)]
    return Row(
        f"peak memory of the check, a file of {sizes[1]}",
        f"the same, {sizes[0]}: {peaks[0] / 1e6:.0f} MB",
        f"{peaks[1] / 1e6:.0f} MB",
        f"{growth:.2f}",
        "-",
        f"<= {MOST_GROWTH:g}",
        growth <= MOST_GROWTH,
    )


def _peak_bytes(command: Sequence[str]) -> int:
    """Of a program with all that it starts."""
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as program:
        while program.poll() is None:
            most = max(most, _bytes_of_session(program.pid))
            time.sleep(0.01)
    return most


def _bytes_of_session(leader: int) -> int:
    """Pss of proc(5): what several processes share is divided among them."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                lines = (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        except (ProcessLookupError, FileNotFoundError):  # it has just ended
            continue
    return total


def _check(file: Path) -> Loaded:
    return _told([*CHECK, str(file)])


def _load(python: Path, file: Path, *wishes: str) -> Loaded:
    cache = file.parent / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    return _told([str(python), str(PROGRAM), str(file), str(cache), *wishes])


def _told(command: Sequence[str]) -> Loaded:
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, check=True, env=offline)
    return Loaded(**json.loads(done.stdout))


def _file(path: Path, size: int, form: str) -> Path:
    """At least so many bytes of rows, all of them different."""
    written = 0
    with path.open("wb") as file:
        while written < size:
            rows = (_row(form, number) for number in range(written, written + CHUNK_ROWS))
            written += file.write(as_lines(list(rows)))
    return path


def _row(form: str, number: int) -> dict[str, object]:
    japanese, english = "今日は天気がいいので散歩に行きましょう。", "It is a fine day, so let us go for a walk. "
    if form == "alpaca":
        return alpaca(input=f"{number} {japanese * 2}", output=f"{number}: {english * 2}")
    turn = (("human", f"{number} {japanese * 3}"), ("gpt", f"{number} at 10:30. {english * 6}"))
    return sharegpt(*(turn * (1 + number % 4)))
