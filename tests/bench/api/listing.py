"""GET and POST /jobs with a hundred thousand jobs in the database beside a thousand, on both databases."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from tests.bench.api import list_plans, queue_page
from tests.bench.api.stocked_server import in_turn, stocked
from tests.bench.report.growth import exponent
from tests.bench.report.table import Pairs, Row
from tests.bench.rig import Rig
from tests.postgresql import running

FEW = 1_000
AT_MOST = 1.3
MOST_GROWTH = 1.1
PAGES = {
    "the newest": "",
    "succeeded, of one kind": "&status=succeeded&kind=predict",
    "of a tag, by priority": "&tag=team:mt&sort=-priority",
    "by a part of the name": "&q=ja-en",
    "made before a day, oldest first": "&created_before=2026-11-01T00:00:00Z&sort=created_at",
}
"""What is asked for, beside limit=50: pages that are full in both, or they would not be the same work."""
NOTE = (
    "GET /jobs: pages of 50 over HTTP from two servers in turn, whose databases differ in the number of jobs only; 200 "
    "of them wait and 50 run in both; POST /jobs with the seed's arguments, so many to each. The exponent is that of "
    "time over jobs."
)


def measure(rig: Rig) -> Iterator[Row]:
    """A row for each page and database, and one for new jobs."""
    folder = rig.folder("listing")
    urls = [f"sqlite:///{folder / name}.db" for name in ("few", "many")]
    yield from _measure_on(rig, urls[0], urls[1], "SQLite")
    with running() as few, running() as many:
        yield from _measure_on(rig, f"{few.url}/postgres", f"{many.url}/postgres", "PostgreSQL")
        yield list_plans.row(f"{many.url}/postgres", [*PAGES.values()], rig.scale.listed_jobs)


def _measure_on(rig: Rig, few_url: str, many_url: str, database: str) -> Iterator[Row]:
    many = rig.scale.listed_jobs
    with ExitStack() as servers:
        of_many, of_few = stocked(rig, servers, many_url, many), stocked(rig, servers, few_url, FEW)
        for name, query in PAGES.items():
            pairs = in_turn(of_many.page(query), of_few.page(query), rig.scale.list_pairs)
            row = pairs.row(f"a page of {many:,} jobs: {name}, {database}", f"of {FEW:,} jobs", AT_MOST, NOTE)
            yield _with_growth(row, pairs, many)
        yield queue_page.row(of_many, of_few, (many, FEW), rig.scale.list_pairs, database)
        pairs = in_turn(of_many.post(), of_few.post(), rig.scale.list_pairs)
        row = pairs.row(f"POST /jobs with {many:,} jobs, {database}", f"with {FEW:,} jobs", AT_MOST)
        yield _with_growth(row, pairs, many)


def _with_growth(row: Row, pairs: Pairs, many: int) -> Row:
    growth = exponent([FEW, many], [sum(pairs.theirs), sum(pairs.ours)])
    spread, bound = f"{row.spread}; exponent {growth:.2f}", f"{row.bound}; exponent <= {MOST_GROWTH:g}"
    return replace(row, spread=spread, bound=bound, holds=bool(row.holds) and growth <= MOST_GROWTH)
