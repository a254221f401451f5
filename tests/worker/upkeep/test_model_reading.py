"""Models' files are read once, kept in the cluster's row, and read again when they change."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from server.clusters.views import ClusterViews
from tests.factories import Seconds, make_cluster_settings
from tests.local_transport import LocalTransport
from tests.tuning.llamafactory.model_files.model_headers import header, llama
from tests.worker.conftest import ScriptedCluster, World
from tuning.clusters.models import ClusterRow
from tuning.errors import Unreachable
from tuning.llamafactory.model_files.described import ModelFiles
from tuning.slurm.cluster import Cluster
from worker.upkeep.model_reading import AGAIN_SECONDS, MOST_AT_ONCE, ModelReader, still_true
from worker.upkeep.snapshot import EVERY_SECONDS, SnapshotKeeper


class Library(ScriptedCluster):
    """A cluster that has models."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.unreadable: set[str] = set()
        self.breaks: set[str] = set()

    def read_models(self, stamps: Mapping[str, str], markers: Sequence[str]) -> dict[str, ModelFiles]:
        self.asked.append(list(stamps))
        if self.breaks & stamps.keys():
            raise Unreachable("the answer broke off")
        return {path: ModelFiles(stamp) for path, stamp in stamps.items() if path not in self.unreadable}


class Reading:
    """A reader of a worker that has just begun, and what it keeps."""

    def __init__(self, world: World, sessions: sessionmaker[Session]) -> None:
        self.library, self.seconds, self._sessions = Library(), Seconds(), sessions
        self._reader = ModelReader(replace(world.driver, cluster=self.library), self.seconds)

    def read(self, **stamps: str) -> None:
        self._reader.read_new(stamps)

    @property
    def kept(self) -> dict[str, Any]:
        with self._sessions() as session:
            snapshot = session.scalar(select(ClusterRow.snapshot))
        return {path: files["stamp"] for path, files in (snapshot or {}).get("model_files", {}).items()}


@pytest.fixture
def reading(world: World, sessions: sessionmaker[Session]) -> Reading:
    return Reading(world, sessions)


def test_a_model_is_read_once_and_again_when_it_changes(reading: Reading) -> None:
    reading.read(a="1", b="1")
    reading.read(a="1", b="1")
    assert reading.library.asked == [["a", "b"]]
    reading.read(a="1", b="2")
    assert reading.library.asked[1:] == [["b"]]
    assert reading.kept == {"a": "1", "b": "2"}


def test_a_catalogue_is_read_some_at_a_time(reading: Reading) -> None:
    stamps = {f"m{number}": "1" for number in range(MOST_AT_ONCE + 2)}
    for _ in range(3):
        reading.read(**stamps)
    assert [len(asked) for asked in reading.library.asked] == [MOST_AT_ONCE, 2]


def test_a_model_that_cannot_be_read_waits_and_keeps_nobody_waiting(reading: Reading) -> None:
    reading.library.unreadable = {"a"}
    for _ in range(3):
        reading.read(a="1", b="1")
    assert reading.library.asked == [["a", "b"]]
    assert reading.kept == {"b": "1"}
    reading.library.unreadable = set()
    reading.seconds.now += AGAIN_SECONDS
    reading.read(a="1", b="1")
    assert reading.kept == {"b": "1", "a": "1"}


def test_too_little_left_for_a_model_is_no_fault_of_it(reading: Reading) -> None:
    reading.library.unreadable = {"b"}
    reading.read(a="1", b="1")
    reading.library.unreadable = set()
    reading.read(a="1", b="1")
    assert reading.library.asked == [["a", "b"], ["b"]]


def test_a_model_that_breaks_the_answer_is_found_and_waits(reading: Reading) -> None:
    reading.library.breaks = {"b"}
    stamps = {"a": "1", "b": "1", "c": "1"}
    for _ in range(6):
        try:
            reading.read(**stamps)
        except Unreachable:
            continue
    assert reading.kept == {"a": "1", "c": "1"}
    assert reading.library.asked == [["a", "b", "c"], ["a"], ["b"], ["c"]]


def test_what_changed_or_left_the_catalogue_is_no_longer_true() -> None:
    snapshot = {"model_files": {"a": {"stamp": "1"}, "b": {"stamp": "1"}, "c": {"stamp": "1"}, "d": {"odd": 1}}}
    assert still_true(snapshot, {"a": "1", "b": "2", "d": "1"}) == {"a": {"stamp": "1"}}
    assert still_true(None, {"a": "1"}) == still_true({"model_files": 7}, {"a": "1"}) == {}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the catalogue's models, on a login node whose sinfo answers."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sinfo").write_text("#!/bin/bash\n")
    (tmp_path / "bin/sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_what_a_worker_reads_is_what_requests_are_checked_against(
    world: World, sessions: sessionmaker[Session], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, path = Seconds(), models / "m"
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "pythia", "num_hidden_layers": 2}')
    text = header(llama())
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    settings = make_cluster_settings(root=f"{models}/root", models={"m": str(path)})
    transport = LocalTransport()
    driver = replace(world.driver, settings=settings, cluster=Cluster(settings, transport))
    monkeypatch.setattr("worker.upkeep.snapshot.time.monotonic", seconds)
    keeper = SnapshotKeeper(driver)
    for _ in range(2):
        keeper.refresh_if_old()
        seconds.now += EVERY_SECONDS
    with sessions() as session:
        view = ClusterViews(seconds).view(session, settings.name)
    assert view.model_configs[str(path)].model_type == "pythia"
    assert view.models[str(path)].parameters == 2 * 30_848 + 6464
    assert view.model_files[str(path)].has_chat_template is False
