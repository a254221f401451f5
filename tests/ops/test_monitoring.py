"""Alert rules and board speak of what /metrics has, by its names, labels and words."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tuning.jobs.status import JobStatus

FOLDER = Path(__file__).parents[2] / "ops" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana-board.json").read_text(encoding="utf-8"))
_SELECTOR = re.compile(r"\b(?P<name>packtrain_\w+)(?:\{(?P<labels>[^}]*)\})?")
_LABEL = re.compile(r'(?P<name>\w+)\s*(?:=~|!~|!=|=)\s*"(?P<value>[^"]*)"')
_BY = re.compile(r"\b(?:by|on) \((?P<labels>[^)]*)\)")


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel["targets"])


@pytest.fixture
def labels_of(metrics_text: str) -> dict[str, set[str]]:
    """The names of /metrics, with their labels, where there is something of each."""
    families = text_string_to_metric_families(metrics_text)
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def test_every_name_and_label_is_there(labels_of: dict[str, set[str]]) -> None:
    for expression in _expressions():
        labels: set[str] = set()
        for selector in _SELECTOR.finditer(expression):
            assert selector["name"] in labels_of, expression
            own = labels_of[selector["name"]]
            assert {label["name"] for label in _LABEL.finditer(selector["labels"] or "")} <= own, expression
            labels |= own
        for by in _BY.finditer(expression):
            assert set(by["labels"].split(", ")) <= labels, expression


def test_every_status_is_a_job_s() -> None:
    named = re.findall(r'status=~?"([^"]*)"', " ".join(_expressions()))
    assert {word for words in named for word in words.split("|")} <= {status.value for status in JobStatus}
    assert named


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action"}
    shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    by = {label for found in _BY.finditer(rule["expr"]) for label in found["labels"].split(", ")}
    assert shown <= by or not by


def test_panels_have_names_and_places_of_their_own() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
