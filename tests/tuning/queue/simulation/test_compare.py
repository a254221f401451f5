"""A small workload under each order, as a table and as a picture."""

from xml.etree import ElementTree

from tests.tuning.queue.simulation.test_swf import LINES
from tuning.queue.order import Weights
from tuning.queue.simulation.compare import compare
from tuning.queue.simulation.picture import as_svg
from tuning.queue.simulation.swf import read_swf
from tuning.queue.simulation.table import as_table

COMPARISON = compare(read_swf(LINES), Weights())
SVG = "{http://www.w3.org/2000/svg}"


def test_all_three_orders_run_all_jobs() -> None:
    assert {name: len(runs) for name, runs in COMPARISON.runs.items()} == {"FIFO": 7, "EASY": 7, "packtrain": 7}
    assert COMPARISON.beyond_bound == 0


def test_the_table_has_a_line_for_each_and_fits_80_columns() -> None:
    lines = as_table(COMPARISON.measures).splitlines()
    assert [line.split()[0] for line in lines] == ["order", "FIFO", "EASY", "packtrain"]
    assert max(map(len, lines)) <= 80


def test_the_picture_has_two_plots_with_a_curve_for_each_inside_of_it() -> None:
    picture = ElementTree.fromstring(as_svg(COMPARISON.runs))  # noqa: S314 - our own
    curves = picture.findall(f"{SVG}g/{SVG}polyline")
    assert len(curves) == 6
    points = [tuple(map(float, point.split(","))) for curve in curves for point in curve.attrib["points"].split()]
    assert all(0 <= across <= 760 and 0 <= up <= 360 for across, up in points)
    names = [text.text for text in picture.iter(f"{SVG}text")]
    assert names.count("packtrain") == 2
