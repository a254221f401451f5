"""Files of the cluster's checkout that a command names: which are read, and which are not."""

from pathlib import Path
from typing import Any

import pytest

from server.clusters.checkout_texts import MOST_FILES, read_checkout_texts
from server.clusters.files import ClusterFiles, PersonFiles
from server.clusters.transfer_budget import TransferLimits
from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.errors import Unavailable
from tuning.jobs.request.spec import JobRequest
from tuning.llamafactory.config.yaml_text import MAX_CHARACTERS
from tuning.settings import ClusterSettings

YAML = "model_name_or_path: tiny-llama\ndataset: identity\n"
NAME = "examples/train_lora/x.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    checkout = tmp_path / "LLaMA-Factory"
    (checkout / "examples/train_lora").mkdir(parents=True)
    (checkout / NAME).write_text(YAML)
    return checkout


@pytest.fixture
def clusters(checkout: Path) -> dict[str, ClusterSettings]:
    return {
        "lab": make_cluster_settings(llamafactory_checkout=str(checkout)),
        "bare": make_cluster_settings(name="bare", llamafactory_checkout=None),
    }


@pytest.fixture
def node() -> LocalTransport:
    return LocalTransport()


@pytest.fixture
def files(clusters: dict[str, ClusterSettings], node: LocalTransport) -> PersonFiles:
    return ClusterFiles(clusters, lambda _settings: node).of("user_1")


def request(command: str = f"llamafactory-cli train {NAME}", **fields: Any) -> JobRequest:
    return JobRequest.model_validate({"command": command, **fields})


def test_a_configuration_of_the_checkout_is_read_by_its_path_there(
    clusters: dict[str, ClusterSettings], files: PersonFiles, node: LocalTransport
) -> None:
    released: list[int] = []
    found = read_checkout_texts(request(), clusters, files, before=lambda: released.append(len(node.commands)))
    assert (found.texts, found.findings) == ({NAME: YAML}, ())
    assert released == [0]
    assert len(node.commands) == 2


def test_a_whole_path_below_the_checkout_is_read_too(
    clusters: dict[str, ClusterSettings], files: PersonFiles, checkout: Path
) -> None:
    name = f"{checkout}/examples/../{NAME}"
    assert read_checkout_texts(request(f"llamafactory-cli train {name}"), clusters, files).texts == {name: YAML}


def test_a_script_of_the_checkout_brings_the_configuration_that_it_names(
    clusters: dict[str, ClusterSettings], files: PersonFiles, checkout: Path
) -> None:
    (checkout / "examples/run.sh").write_text(f"llamafactory-cli train {NAME}\n")
    found = read_checkout_texts(request("bash examples/run.sh"), clusters, files)
    assert found.texts.keys() == {"examples/run.sh", NAME}


@pytest.mark.parametrize(
    "fields",
    [
        {"files": {NAME: YAML}},
        {"resources": {"cluster": "bare"}},
        {"resources": {"cluster": "none"}},
        {"command": "llamafactory-cli train ../key.yaml"},
        {"command": "llamafactory-cli train /etc/key.yaml"},
        {"command": "llamafactory-cli train"},
        {"command": None, "config": {"dataset": "identity"}},
        {"config": {"dataset": "identity"}},
    ],
)
def test_nothing_is_asked_of_the_cluster_where_nothing_of_it_is_named(
    clusters: dict[str, ClusterSettings], files: PersonFiles, node: LocalTransport, fields: dict[str, Any]
) -> None:
    assert read_checkout_texts(request(**fields), clusters, files).texts == {}
    assert node.commands == []


def test_what_is_no_plain_file_of_the_checkout_is_not_read(
    clusters: dict[str, ClusterSettings], files: PersonFiles, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.yaml").write_text("secret: 1\n")
    (checkout / "link.yaml").symlink_to(tmp_path / "key.yaml")
    (checkout / "way").symlink_to(tmp_path)
    (checkout / "folder.yaml").mkdir()
    (checkout / "second.yaml").hardlink_to(tmp_path / "key.yaml")
    (checkout / "empty.yaml").touch()
    (checkout / "large.yaml").write_text("#" * (MAX_CHARACTERS + 1))
    for name in ("link.yaml", "way/key.yaml", "folder.yaml", "second.yaml", "empty.yaml", "large.yaml", "gone.yaml"):
        found = read_checkout_texts(request(f"llamafactory-cli train {name}"), clusters, files)
        assert (found.texts, found.findings) == ({}, ()), name


def test_of_many_names_so_many_are_looked_for(
    clusters: dict[str, ClusterSettings], files: PersonFiles, checkout: Path
) -> None:
    names = [f"examples/{number}.sh" for number in range(MOST_FILES - 1)]
    for name in names:
        (checkout / name).write_text("echo\n")
    script = "".join(f"bash {name}\n" for name in names) + f"llamafactory-cli train {NAME}\n"
    found = read_checkout_texts(JobRequest(script=script), clusters, files)
    assert len(found.texts) <= MOST_FILES


def test_a_cluster_that_cannot_be_asked_is_told_with_the_file(
    clusters: dict[str, ClusterSettings], files: PersonFiles, node: LocalTransport
) -> None:
    node.is_cut_off = True
    found = read_checkout_texts(request(), clusters, files)
    [finding] = found.findings
    assert (found.texts, finding.loc, finding.severity) == ({}, ("command",), "error")
    assert f"the checkout of lab could not be asked for {NAME}: " in finding.message


def test_it_takes_a_place_of_the_persons_transfers(clusters: dict[str, ClusterSettings], node: LocalTransport) -> None:
    files = ClusterFiles(clusters, lambda _settings: node, limits=TransferLimits(per_person=1))
    with files.transfer("lab", "user_1"), pytest.raises(Unavailable):
        read_checkout_texts(request(), clusters, files.of("user_1"))
    assert node.commands == []
