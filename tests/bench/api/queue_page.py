"""The queue page of a browser with a hundred thousand jobs beside a thousand: time until it is there, and its bytes."""

import statistics
from dataclasses import replace

from tests.bench.api.stocked_server import Stocked, in_turn
from tests.bench.report.table import Row

MOST_SECONDS, MOST_BYTES = 0.1, 300_000
NOTE = "The queue page: all of it, made anew for each look (what open pages share is left out), compressed."


def row(of_many: Stocked, of_few: Stocked, jobs: tuple[int, int], count: int, database: str) -> Row:
    """A row for a database; `jobs` are the numbers of both servers."""
    many, few = jobs
    pairs = in_turn(of_many.queue_page, of_few.queue_page, count)
    size = len(of_many.queue_page())
    compared = pairs.row(f"the queue page of {many:,} jobs, {database}", f"of {few:,} jobs", None, NOTE)
    holds = statistics.median(pairs.ours) < MOST_SECONDS and size < MOST_BYTES
    spread, bound = f"{compared.spread}; {size / 1000:.0f} kB", f"< {MOST_SECONDS:g} s, < {MOST_BYTES / 1000:.0f} kB"
    return replace(compared, spread=spread, bound=bound, holds=holds)
