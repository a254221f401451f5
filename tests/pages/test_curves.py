"""Values of curves for charts, as the bundled modules make them: run by node."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from container.pages import FOLDER

pytestmark = pytest.mark.system
ABSENT = "absent"
SEEN = f"((...its) => it.seen(...its).map((column) => column.map((value) => value === undefined ? '{ABSENT}' : value)))"


@pytest.fixture(scope="module")
def module(built: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules, as one that node can import."""
    bundle = tmp_path_factory.mktemp("curves") / "curves.mjs"
    source = "".join(f'export * from "./{name}.ts";' for name in ("curves", "extremes", "thinning"))
    esbuild = FOLDER / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), "--bundle", f"--outfile={bundle}", "--format=esm", "--log-level=error"]
    subprocess.run(command, check=True, cwd=FOLDER / "script" / "charts", input=source, text=True)
    return bundle


def value_of(module: Path, expression: str) -> Any:
    """The value of an expression in which `it` is the module."""
    program = f"import * as it from {json.dumps(module.as_uri())}; console.log(JSON.stringify({expression}))"
    run = subprocess.run(["node", "--input-type=module", "--eval", program], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def test_an_average_begins_at_the_first_value_and_keeps_gaps(module: Path) -> None:
    assert value_of(module, "it.smoothed([4, 4, null, 4], 0.9)") == pytest.approx([4, 4, None, 4])
    assert value_of(module, "it.smoothed([1, 2, 3], 0)") == [1, 2, 3]


def test_crowded_points_keep_extremes_and_gaps(module: Path) -> None:
    xs = "Array.from({length: 10000}, (_, x) => x)"
    ys = f"{xs}.map((x) => x === 4321 ? 99 : x === 7777 ? -99 : x === 5000 ? null : Math.sin(x))"
    places, values = value_of(module, f"{SEEN}([new it.Line({xs}, {ys})], [0, 9999], 100)")
    drawn = [value for value in values if value != ABSENT]
    assert len(drawn) <= 301
    assert {99, -99, None} <= set(drawn)
    assert places == sorted(places)


def test_crowded_lines_share_their_places_within_a_pixel(module: Path) -> None:
    xs = "Array.from({length: 10000}, (_, x) => x + 0.5)"
    lines = f"[new it.Line({xs}, {xs}), new it.Line([10, 5000, 9990], [10, 5000, 9990])]"
    places, crowded, sparse = value_of(module, f"{SEEN}({lines}, [2000, 6000], 100)")
    assert len(places) == len(crowded) <= 204
    for column in (crowded, sparse):
        points = [(x, y) for x, y in zip(places, column, strict=True) if y != ABSENT]
        assert all(abs(x - y) <= 40 for x, y in points)
    assert [y for y in sparse if y != ABSENT] == [10, 5000, 9990]
    drawn = [y for y in crowded if y != ABSENT]
    assert (drawn[0], drawn[-1]) == (1999.5, 6000.5)


@pytest.mark.parametrize(("start", "stop"), [(0, 5000), (3, 40), (17, 4711), (256, 512), (9, 10)])
def test_extremes_of_a_stretch_are_those_of_its_values(module: Path, start: int, stop: int) -> None:
    ys = "Array.from({length: 5000}, (_, x) => x % 97 === 0 ? null : (x * 7919) % 4999)"
    read = f"its.read({start}, {stop}); return [its.low, its.high, its.gap]"
    low, high, gap = value_of(module, f"((its) => {{{read}}})(new it.Extremes({ys}))")
    values = {x: (x * 7919) % 4999 for x in range(start, stop) if x % 97}
    assert (low, high) == (min(values, key=values.__getitem__), max(values, key=values.__getitem__))
    assert gap == max((x for x in range(start, stop) if x % 97 == 0), default=-1)


def test_a_range_is_seen_with_a_neighbour_at_each_side(module: Path) -> None:
    line = "new it.Line([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])"
    assert value_of(module, f"it.seen([{line}], [3, 4], 100)[0]") == [2, 3, 4, 5]


def test_curves_with_other_places_are_laid_in_one_column(module: Path) -> None:
    lines = "[new it.Line([1, 3], [10, 30]), new it.Line([2, 3], [null, 31])]"
    assert value_of(module, f"{SEEN}({lines}, [1, 3], 100)") == [[1, 2, 3], [10, ABSENT, 30], [ABSENT, None, 31]]


@pytest.mark.parametrize(("low", "high"), [(0.4, 3.1), (1e-6, 1e-4), (1, 1e9), (0.95, 1.05)])
def test_ticks_are_few_round_and_inside(module: Path, low: float, high: float) -> None:
    for name in ("logTicks", "evenTicks"):
        ticks = value_of(module, f"it.{name}({low}, {high})")
        assert 2 <= len(ticks) <= 15
        assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize(("x", "index"), [(0, 0), (1.4, 0), (1.6, 1), (9, 2)])
def test_the_nearest_point_is_found(module: Path, x: float, index: int) -> None:
    assert value_of(module, f"it.nearest([1, 2, 3], {x})") == index
