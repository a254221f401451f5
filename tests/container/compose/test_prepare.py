import re
import stat
from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url

from container.compose.engine import TOP
from container.compose.prepare import LabParts, prepare
from tuning.settings import load_clusters


@pytest.fixture
def lab(tmp_path: Path) -> LabParts:
    image, models = tmp_path / "a.sif", tmp_path / "models"
    image.touch()
    models.mkdir()
    return LabParts(image, models)


def test_both_files_hold_the_same_new_password(tmp_path: Path) -> None:
    passwords = set()
    for name in ("a", "b"):
        prepare(tmp_path / name)
        password = (tmp_path / name / "secrets/database_password").read_text()
        url = (tmp_path / name / "secrets/database_url").read_text()
        assert url == f"postgresql+psycopg://packtrain:{password}@db/packtrain"
        assert len(password) > 40
        passwords.add(password)
    assert len(passwords) == 2


def test_a_password_of_the_operator_s_own_goes_into_the_url(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/database_password").write_text("p@ss/word\n")
    prepare(tmp_path)
    url = make_url((tmp_path / "secrets/database_url").read_text())
    assert (url.password, url.host, url.database) == ("p@ss/word", "db", "packtrain")


def test_a_second_call_changes_nothing(tmp_path: Path, lab: LabParts) -> None:
    folder = tmp_path / "folder"
    prepare(folder, lab)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    prepare(folder, lab)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_operator_s_own_clusters_stay(tmp_path: Path) -> None:
    clusters = tmp_path / "clusters/clusters.toml"
    clusters.parent.mkdir()
    clusters.write_text("# mine\n")
    prepare(tmp_path)
    assert clusters.read_text() == "# mine\n"


def test_the_folder_is_closed_and_its_files_open_to_the_containers(tmp_path: Path, lab: LabParts) -> None:
    folder = tmp_path / "folder"
    prepare(folder, lab)
    assert _mode(folder) == 0o700
    for name in ("secrets/database_url", "secrets/database_password", "clusters/id_ed25519", "clusters/known_hosts"):
        assert _mode(folder / name) == 0o444, name
    assert _mode(folder / "clusters") == 0o755


def test_the_lab_s_host_key_is_for_its_owner_alone(tmp_path: Path, lab: LabParts) -> None:
    prepare(tmp_path / "folder", lab)
    assert _mode(tmp_path / "folder/lab/ssh_host_ed25519_key") == 0o600


def test_the_lab_is_known_by_its_host_key(tmp_path: Path, lab: LabParts) -> None:
    folder = tmp_path / "folder"
    prepare(folder, lab)
    kind, key = (folder / "lab/ssh_host_ed25519_key.pub").read_text().split()[:2]
    assert (folder / "clusters/known_hosts").read_text() == f"lab {kind} {key}\n"
    cluster = load_clusters(folder / "clusters/clusters.toml")["lab"]
    assert (cluster.host, cluster.port) == ("lab", 22)


def test_without_the_lab_the_clusters_file_is_one_that_loads(tmp_path: Path) -> None:
    prepare(tmp_path / "folder")
    assert load_clusters(tmp_path / "folder/clusters/clusters.toml") == {}


def test_a_newer_image_takes_the_place_of_the_old(tmp_path: Path, lab: LabParts) -> None:
    prepare(tmp_path / "folder", lab)
    newer = LabParts(tmp_path / "b.sif", lab.models)
    prepare(tmp_path / "folder", newer)
    assert (tmp_path / "folder/lab/llamafactory.sif").readlink() == newer.image


def test_everything_that_docker_compose_mounts_is_made(tmp_path: Path, lab: LabParts) -> None:
    text = (TOP / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{PACKTRAIN_CONFIG_DIR:-[^}]*\}/([\w/.]+)", text))
    prepare(tmp_path / "folder", lab)
    assert len(wanted) == 8
    assert [name for name in sorted(wanted) if not (tmp_path / "folder" / name).exists()] == []


def test_the_compose_file_holds_no_secret_and_gives_no_privileges() -> None:
    services = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name, service in services.items():
        secret = [key for key in service.get("environment", {}) if re.search("PASSWORD|TOKEN|SECRET|KEY|URL", key)]
        assert all(key.endswith("_FILE") for key in secret), name
        assert not {"privileged", "network_mode", "pid"} & service.keys(), name


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
