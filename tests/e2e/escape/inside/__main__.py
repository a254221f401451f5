"""Runner of the attacks: each in a process of its own, a line of JSON for each in the output folder."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from .attacks import ATTACKS
from .loot import REFUSALS
from .orders import Orders, read_orders

SECONDS_EACH = 15.0
MOST_EVIDENCE = 10


def main() -> None:
    """All attacks once on each node: whichever process of the run comes first begins, the others wait."""
    orders, rank = read_orders(), os.environ.get("NODE_RANK", "0")
    with _results(orders, rank) as results:
        _write(results, name="secrets", digests=dict(_digests(orders)))
        for name in orders.only or ATTACKS:
            began = time.monotonic()
            answer = _in_a_child(name, orders)
            _write(results, name=name, seconds=round(time.monotonic() - began, 2), **answer)
        _write(results, name="end")


def _results(orders: Orders, rank: str) -> TextIO:
    return Path(orders.output, f"results.{rank}.jsonl").open("x", encoding="utf-8")


def _write(results: TextIO, **line: Any) -> None:
    print(json.dumps(line), file=results, flush=True)


def _digests(orders: Orders) -> Iterator[tuple[str, str | None]]:
    for name in orders.values:
        value = os.environb.get(name.encode())
        yield name, None if value is None else hashlib.sha256(value).hexdigest()


def _in_a_child(name: str, orders: Orders) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, json.dumps(_tried(name, orders)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        _end(child, time.monotonic() + SECONDS_EACH)
        answer = pipe.read()
    return dict(json.loads(answer)) if answer else {"fault": "it did not end"}


def _tried(name: str, orders: Orders) -> dict[str, Any]:
    evidence: list[str] = []
    fault = None
    try:
        for found in islice(ATTACKS[name](orders), MOST_EVIDENCE):
            evidence.append(found)
    except OSError as error:
        REFUSALS.append(str(error))
    except Exception as error:  # an attack that is broken proves nothing: it is told
        fault = repr(error)
    return {"evidence": evidence, "refusals": REFUSALS, "fault": fault}


def _end(child: int, deadline: float) -> None:
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
