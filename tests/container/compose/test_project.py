import json
from pathlib import Path
from typing import Any

import yaml

from container.compose.engine import TOP, Engine
from container.compose.project import changes, create

WHEELS = Path("/wheels")


def test_every_service_of_our_image_is_built_from_the_wheels_alone() -> None:
    services = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    ours = [name for name, service in services.items() if "packtrain.Dockerfile" in str(service.get("build"))]
    changed: dict[str, Any] = changes(WHEELS)
    assert len(ours) == 3
    for name in ours:
        build = changed["services"][name]["build"]
        assert build == {"network": "none", "additional_contexts": {"wheelhouse": "/wheels"}}


def test_the_context_of_the_wheels_is_what_the_dockerfile_mounts() -> None:
    dockerfile = (TOP / "container/packtrain.Dockerfile").read_text(encoding="utf-8")
    assert "FROM scratch AS wheelhouse\n" in dockerfile
    assert "--mount=type=bind,from=wheelhouse" in dockerfile


def test_the_project_s_settings_are_variables_of_docker_compose(tmp_path: Path) -> None:
    create(Engine(("docker",), is_ours=True), tmp_path, WHEELS, 8500)
    names = [line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()]
    text = (TOP / "docker-compose.yml").read_text(encoding="utf-8")
    assert [name for name in names if f"${{{name}:-" not in text] == []
    assert json.loads((tmp_path / "changes.json").read_text()) == changes(WHEELS)
