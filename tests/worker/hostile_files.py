"""Run files as a stranger would leave them: the recorded good ones, altered at random from a seed."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

RECORDED = Path(__file__).parents[1] / "fixtures/llamafactory"

_ABSURD: Sequence[str] = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e308", "5e-324", "2147483648", "9223372036854775808", "-1", "0", "0.5",
    "1" + "0" * 30, "9" * 400, "9" * 5000, "true", "false", "null", '""', '"ninety"', '"\\u0000"', '"\\ud800"',
    '"999999 days, 0:00:00"', '"9:99:99"', '"-1 day, 0:00:00"', "[]", "{}", '{"a": [1]}', "[" * 3000 + "]" * 3000,
    json.dumps(["x"] * 5000), json.dumps("y" * 70_000), "1e18", "-9007199254740993",
)  # fmt: skip
"""JSON in the place of a value."""
_MARK = "@@altered@@"
_GOOD_FILES = ("adapter_model.safetensors", "trainer_state.json", "train_results.json", "all_results.json")
_RECORD_LINES: Sequence[bytes] = (
    b"epoch=999999999999999999", b"exit_code=256", b"exit_code=-1", b"exit_code=18446744073709551616", b"exit_code=",
    b"slurm_job_id=99999999999", b"slurm_job_id=x", b"restart=2147483648", b"epoch=nan", b"epoch=1e400", b"epoch=-5",
    b"\xff\xfe\x00", b"exit_code=\xd9\xa3",
)  # fmt: skip
_ENTRIES: Sequence[bytes] = (
    b"9223372036854775808 1795877246 a", b"-1 1795877246 a", b"9 999999999999 a", b"9 nan a", b"9 1e400 a", b"9 -1 a",
    b"9 1795877246 a\x1b[2J", b"9 1795877246 \xff\xfe", b"9 1795877246 ../../up", b"9 1795877246 /etc/passwd", b"",
    b" ", b"9" * 5000 + b" 1 a", b"9 1795877246 " + "😀".encode() * 900, b"9 1795877246 checkpoint-9999999999/a",
    b"9 1795877246 checkpoint-9999999999/trainer_state.json", b"9 1795877246 twice", b"9 1795877246 twice",
    b"9223372036854775807 1795877246 b", b"9 1795877246 " + b"d/" * 600 + b"e", b"9 0 old", b"9 7258118399 late",
)  # fmt: skip


def recorded(name: str) -> bytes:
    """A file as a good run left it."""
    return (RECORDED / name).read_bytes()


def altered_json(random: Random, content: bytes) -> bytes:
    """A JSON file with a few values that no run writes, or with broken bytes."""
    if random.random() < 0.2:
        return altered_bytes(random, content)
    text = content.decode()
    for _ in range(random.randint(1, 4)):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            break
        _put(random, value)
        text = json.dumps(value).replace(f'"{_MARK}"', random.choice(_ABSURD))
    return text.encode("utf-8", "surrogatepass")


def altered_lines(random: Random, content: bytes) -> bytes:
    """A trainer_log.jsonl with altered, repeated, falling, foreign and endless lines among its own."""
    lines = content.splitlines(keepends=True)
    for _ in range(random.randint(1, 12)):
        place = random.randrange(len(lines))
        ways: Sequence[Callable[[], bytes]] = (
            lambda: altered_json(random, recorded("trainer_log.complete.jsonl").splitlines()[0]) + b"\n",
            lambda: random.choice(lines),
            lambda: random.randbytes(random.randint(0, 300)) + b"\n",
            lambda: b"z" * 1_100_000 + b"\n",
            lambda: b"\x00" * 5000,
            lambda: b'{"current_steps": 5, "total_steps": 90, "loss": 1e999, "elapsed_time": "999999 days, 0:00:00"}\n',
        )
        lines.insert(place, random.choices(ways, (6, 3, 3, 0.2, 1, 1))[0]())
    return b"".join(lines)


def altered_bytes(random: Random, content: bytes) -> bytes:
    """Bytes that are flipped, cut, doubled, or replaced."""
    data = bytearray(content or b"x")
    for _ in range(random.randint(1, 8)):
        place = random.randrange(len(data))
        data[place : place + random.randint(0, 5)] = random.randbytes(random.randint(0, 9))
        data = data or bytearray(b"\x00")
    return bytes(data[: random.randint(0, len(data))] if random.random() < 0.3 else data)


def noise(random: Random) -> bytes:
    """A stdout or stderr of controls, escapes, endless lines and errors."""
    pieces = (
        b"Traceback (most recent call last):\n  File x\nValueError: \x00\xff{line} %s\n", b"\x1b]0;title\x07",
        b"\x00" * 50, b"a" * 20_000, random.randbytes(200), "\u202e日本\n".encode(), b"CUDA out of memory\n",
        b"\r" * 100, b"\n" * 100,
    )  # fmt: skip
    return b"".join(random.choices(pieces, k=random.randint(0, 12)))


def record(slurm_job_id: int, epoch: float, exit_code: int) -> bytes:
    """An exit record as the batch script writes it."""
    return f"slurm_job_id={slurm_job_id}\nrestart=0\nnode=n1\nepoch={epoch:.0f}\nexit_code={exit_code}\n".encode()


def unreadable_record(random: Random, slurm_job_id: int, epoch: float) -> bytes:
    """An exit record with a line that no batch script writes, in the place of its own."""
    line = random.choice(_RECORD_LINES)
    name = line.partition(b"=")[0]
    lines = record(slurm_job_id, epoch, 0).splitlines()
    kept = [one for one in lines if not one.startswith(name)] if b"=" in line else []
    return b"\n".join([line, *kept]) + b"\n"


def listing(epoch: float) -> bytes:
    """The listing of a good run's output."""
    return "".join(f"9 {epoch} {name}\0" for name in _GOOD_FILES).encode()


def altered_listing(random: Random, epoch: float) -> bytes:
    """A listing with entries that are none, in any order; a few times with very many."""
    entries = [*listing(epoch).split(b"\0")[:-1], *random.choices(_ENTRIES, k=random.randint(1, 12))]
    random.shuffle(entries)
    if random.random() < 0.01:
        entries += [b"1 1795877246 f%d" % number for number in range(20_001)]
    return b"\0".join(entries) + random.choice((b"\0", b""))


def _put(random: Random, value: Any) -> None:
    """A mark somewhere inside a value."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
        if not keys:
            return
        key = random.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and random.random() < 0.7:
            value = value[key]
        else:
            value[key] = _MARK
            return
