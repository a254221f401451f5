"""Every container is bounded, and what is fetched from a registry has a version that does not float."""

import re
from typing import Any

import pytest
import yaml

from container.compose.engine import TOP
from tuning.settings import NOT_OURS, Settings

SERVICES: dict[str, Any] = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_an_end_of_its_memory_processes_and_log(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\$\{PACKTRAIN_\w*MEMORY:-\d+g\}", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


def test_fetched_images_have_a_patch_version() -> None:
    fetched = {service["image"] for service in SERVICES.values() if "build" not in service}
    dockerfile = (TOP / "container/packtrain.Dockerfile").read_text(encoding="utf-8")
    fetched |= set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - {"scratch"}
    assert fetched
    assert [image for image in fetched if not re.search(r":\d+\.\d+(\.\d+-[\w-]+)?$", image)] == []


def test_what_can_be_set_is_told_with_its_default() -> None:
    text = (TOP / "docker-compose.yml").read_text(encoding="utf-8")
    told = dict(re.findall(r"^(PACKTRAIN_\w*MEMORY)=(\w+)$", (TOP / ".env.example").read_text(), re.MULTILINE))
    assert told == dict(re.findall(r"\$\{(PACKTRAIN_\w*MEMORY):-(\w+)\}", text))


def test_what_can_be_set_for_compose_is_not_refused_as_a_setting() -> None:
    named = set(re.findall(r"\$\{(PACKTRAIN_\w+):-", (TOP / "docker-compose.yml").read_text(encoding="utf-8")))
    settings = {f"PACKTRAIN_{name.upper()}" for name in Settings.model_fields}
    assert [name for name in sorted(named - settings) if not NOT_OURS.fullmatch(name)] == []
