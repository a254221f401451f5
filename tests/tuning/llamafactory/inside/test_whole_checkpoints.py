"""Checkpoints that a run can go on from, and others."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tuning.llamafactory.inside.whole_checkpoints import main


def saved_by_torch() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"\x80\x02N.")
    return buffer.getvalue()


def safetensors(bytes_: int = 16) -> bytes:
    header = json.dumps({"__metadata__": {}, "w": {"dtype": "F32", "shape": [4], "data_offsets": [0, bytes_]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * bytes_


def make(output: Path, step: int) -> Path:
    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    (folder / "adapter_model.safetensors").write_bytes(safetensors())
    (folder / "optimizer.pt").write_bytes(saved_by_torch())
    (folder / "rng_state.pth").write_bytes(b"\x80\x02N.")  # torch's older form
    return folder


def looked_at(output: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    assert main([str(output), str(output.parent / "aside")]) == 0
    kept = sorted(path.name for path in output.iterdir())
    return capsys.readouterr().out, kept


def test_the_newest_whole_one_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "output"
    for step in (9, 10, 200):
        make(output, step)
    (output / "checkpoint-best").mkdir()
    (output / "checkpoint-7").write_text("no folder")
    said, kept = looked_at(output, capsys)
    assert said == "step=200\n"
    assert kept == ["checkpoint-10", "checkpoint-200", "checkpoint-7", "checkpoint-9", "checkpoint-best"]


def test_without_any_it_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "output").mkdir()
    assert looked_at(tmp_path / "output", capsys) == ("step=0\n", [])


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1])


def sharded(folder: Path) -> None:
    index = {"weight_map": {"a": "adapter_model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


BROKEN: dict[str, Callable[[Path], object]] = {
    "being written": lambda folder: (folder / "checkpoint-is-incomplete.txt").touch(),
    "no state": lambda folder: (folder / "trainer_state.json").unlink(),
    "half a state": cut("trainer_state.json"),
    "another state": lambda folder: (folder / "trainer_state.json").write_text('{"global_step": 1}'),
    "state no object": lambda folder: (folder / "trainer_state.json").write_text("[]"),
    "no weights": lambda folder: (folder / "adapter_model.safetensors").unlink(),
    "weights cut": cut("adapter_model.safetensors"),
    "weights with more behind them": lambda folder: (folder / "adapter_model.safetensors").write_bytes(
        safetensors() + b"\0"
    ),
    "weights empty": lambda folder: (folder / "adapter_model.safetensors").write_bytes(b""),
    "weights no header": lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 16),
    "weights broken header": lambda folder: (folder / "adapter_model.safetensors").write_bytes(
        struct.pack("<Q", 2) + b"[]"
    ),
    "optimizer cut": cut("optimizer.pt"),
    "optimizer empty": lambda folder: (folder / "optimizer.pt").write_bytes(b""),
    "a shard missing": sharded,
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_that_is_not_whole_is_set_aside(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "output"
    make(output, 10)
    BROKEN[what](make(output, 20))
    assert looked_at(output, capsys) == ("step=10\n", ["checkpoint-10"])
    BROKEN[what](make(output, 20))
    looked_at(output, capsys)
    assert sorted(path.name for path in (tmp_path / "aside").iterdir()) == ["checkpoint-20.1", "checkpoint-20.2"]


def test_shards_of_zero_are_weights_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "output", 5)
    (folder / "adapter_model.safetensors").unlink()
    (folder / "global_step5").mkdir()
    (folder / "global_step5/mp_rank_00_model_states.pt").write_bytes(saved_by_torch())
    assert looked_at(tmp_path / "output", capsys)[0] == "step=5\n"
    (folder / "global_step5/mp_rank_00_model_states.pt").write_bytes(saved_by_torch()[:-3])
    assert looked_at(tmp_path / "output", capsys)[0] == "step=0\n"


def test_an_earlier_jobs_checkpoint_counts_where_there_is_none_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, aside, earlier = tmp_path / "output", tmp_path / "aside", make(tmp_path / "earlier", 50)
    output.mkdir()
    assert main([str(output), str(aside), str(earlier)]) == 0
    make(output, 7)
    assert main([str(output), str(aside), str(earlier)]) == 0
    assert capsys.readouterr().out == "step=50\nstep=7\n"


def test_an_earlier_jobs_checkpoint_that_is_of_no_use_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, aside, earlier = tmp_path / "output", tmp_path / "aside", make(tmp_path / "earlier", 50)
    output.mkdir()
    (earlier / "optimizer.pt").write_bytes(saved_by_torch()[:-1])
    for folder in (earlier, tmp_path / "earlier/checkpoint-60", tmp_path / "nowhere"):
        assert main([str(output), str(aside), str(folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("packtrain: the job cannot go on from ") == 3
