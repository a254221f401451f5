"""How fast a data file is checked, beside the standard library only decoding it."""

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO

from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.tuning.datasets.files import alpaca, as_lines, sharegpt
from tuning.datasets.check.run import validate

LEAST_A_SECOND = 100_000
_ROWS = 100_000
_PAIRS = 5


def measure(_rig: Rig) -> Iterator[Row]:
    """Three rows; the processor's time, so that what else the machine does counts little."""
    questions = [alpaca(instruction=f"Translate number {number}.") for number in range(_ROWS)]
    chats = [sharegpt(("human", f"Good morning {number}"), ("gpt", "Good morning!")) for number in range(_ROWS)]
    yield _row("alpaca", as_lines(questions), _decode_lines)
    yield _row("sharegpt", as_lines(chats), _decode_lines)
    yield _row("sharegpt as one array", json.dumps(chats).encode(), json.loads)


def _row(form: str, content: bytes, decode: Callable[[bytes], object]) -> Row:
    pairs = Pairs()
    for _ in range(_PAIRS):
        pairs.ours.append(_seconds(lambda: validate(BytesIO(content))))
        pairs.theirs.append(_seconds(lambda: decode(content)))
    ours, theirs = (_ROWS / min(seconds) for seconds in (pairs.ours, pairs.theirs))
    return Row(
        f"rows checked a second and core, {form}, {len(content) // _ROWS} bytes each",
        f"json.loads {theirs:,.0f}",
        f"{ours:,.0f}",
        f"{pairs.ratio:.2f}",
        pairs.spread,
        f"> {LEAST_A_SECOND:,}",
        ours > LEAST_A_SECOND,
    )


def _decode_lines(content: bytes) -> object:
    return [json.loads(line) for line in content.splitlines()]


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
