"""A picture of a simulation, as SVG: what each person suffered under each order, and how long jobs waited."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from tuning.queue.simulation.engine import StartedJob
from tuning.queue.simulation.measures import slowdown_by_person

_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 40, 44
_COLOURS = ("#888888", "#d95f02", "#1b6ca8")
_POINTS = 200
_LEAST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class _Panel:
    """A plot with a logarithmic upright axis."""

    title: str
    across: str
    curves: Mapping[str, Sequence[float]]
    top: float


def as_svg(runs: Mapping[str, Sequence[StartedJob]]) -> str:
    """Two plots, one above the other, of the runs under each order, by its name."""
    slowdowns = {name: sorted(slowdown_by_person(its).values()) for name, its in runs.items()}
    waits = {name: sorted(max(run.wait_seconds, _LEAST_WAIT_SECONDS) / 60 for run in its) for name, its in runs.items()}
    panels = (
        _Panel("mean bounded slowdown of each person's jobs", "people, by their slowdown", slowdowns, 0),
        _Panel("wait of each job, in minutes", "jobs, by their wait", waits, _HEIGHT),
    )
    height = str(len(panels) * _HEIGHT)
    picture = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(_WIDTH),
            "height": height,
            "viewBox": f"0 0 {_WIDTH} {height}",
            "font-family": "sans-serif",
            "font-size": "12",
        },
    )
    ElementTree.SubElement(picture, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    for panel in panels:
        _draw(picture, panel)
    ElementTree.indent(picture)
    return ElementTree.tostring(picture, encoding="unicode") + "\n"


def _draw(picture: ElementTree.Element, panel: _Panel) -> None:
    group = ElementTree.SubElement(picture, "g", {"transform": f"translate(0 {panel.top})"})
    _text(group, _LEFT, _TOP / 2, panel.title, weight="bold")
    _text(group, _LEFT, _HEIGHT - 12, panel.across)
    highest = max(max(values) for values in panel.curves.values())
    decades = max(1, math.ceil(math.log10(max(highest, 10.0))))
    for decade in range(decades + 1):
        _draw_line_of_grid(group, decade, decades)
    for number, (name, values) in enumerate(panel.curves.items()):
        _draw_curve(group, name, _points(values, decades), number)


def _draw_line_of_grid(group: ElementTree.Element, decade: int, decades: int) -> None:
    height = f"{_up(10.0**decade, decades):.1f}"
    ends = {"x1": str(_LEFT), "x2": str(_WIDTH - _RIGHT), "y1": height, "y2": height}
    ElementTree.SubElement(group, "line", {**ends, "stroke": "#dddddd"})
    _text(group, _LEFT - 8, float(height) + 4, f"{10**decade:,}", anchor="end")


def _draw_curve(group: ElementTree.Element, name: str, points: Sequence[tuple[float, float]], number: int) -> None:
    colour = _COLOURS[number % len(_COLOURS)]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
    look = {"fill": "none", "stroke": colour, "stroke-width": "2"}
    ElementTree.SubElement(group, "polyline", {"points": path, **look})
    _text(group, _LEFT + 12, _TOP + 16 * (number + 1), name, fill=colour, weight="bold")


def _points(values: Sequence[float], decades: int) -> list[tuple[float, float]]:
    """At most so many of the values, from left to right."""
    count = min(len(values), _POINTS)
    places = [index * (len(values) - 1) // max(count - 1, 1) for index in range(count)]
    wide = _WIDTH - _LEFT - _RIGHT
    last = max(len(values) - 1, 1)
    return [(_LEFT + wide * place / last, _up(values[place], decades)) for place in places]


def _up(value: float, decades: int) -> float:
    share = math.log10(max(value, 1.0)) / decades
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _text(
    group: ElementTree.Element,
    across: float,
    up: float,
    words: str,
    *,
    anchor: str = "start",
    fill: str = "#333333",
    weight: str = "normal",
) -> None:
    place = {"x": f"{across:.1f}", "y": f"{up:.1f}"}
    look = {"text-anchor": anchor, "fill": fill, "font-weight": weight}
    ElementTree.SubElement(group, "text", {**place, **look}).text = words
