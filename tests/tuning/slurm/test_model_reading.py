"""What the program finds in models' folders, run in a real shell, and what is made of its answer."""

import os
import struct
from pathlib import Path

import pytest

from tests.local_transport import LocalTransport
from tests.tuning.llamafactory.model_files.model_headers import Shapes, header, index, llama
from tests.tuning.slurm.login_node import cluster
from tuning.llamafactory.model_files.described import ModelFiles
from tuning.slurm import cluster as cluster_module
from tuning.slurm.answers import Part
from tuning.slurm.cluster import Cluster
from tuning.slurm.model_reading import parse_models

MARKERS = ("<|im_end|>", "<|im_start|>", "<｜User｜>", "###")


@pytest.fixture
def slurm(root: Path) -> Cluster:
    return cluster(root, LocalTransport())


def safetensors(path: Path, shapes: Shapes) -> None:
    """A file of tensors without their numbers."""
    text = header(shapes)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)


def model(folder: Path, shapes: Shapes | None = None) -> str:
    """A model's folder: a whole one, or one of config.json alone."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    if shapes is not None:
        safetensors(folder / "model.safetensors", shapes)
    return str(folder)


def read(slurm: Cluster, *paths: str) -> dict[str, ModelFiles]:
    return slurm.read_models({path: f"stamp {number}" for number, path in enumerate(paths)}, MARKERS)


def parameters(files: ModelFiles) -> int | None:
    return files.tensors.parameters if files.tensors is not None else None


def test_one_file_of_tensors_is_read_by_its_header(slurm: Cluster, tmp_path: Path) -> None:
    path = model(tmp_path / "a b", llama(2))
    found = read(slurm, path)
    assert found[path].stamp == "stamp 0"
    assert parameters(found[path]) == 2 * 30_848 + 6464


def test_the_headers_of_all_parts_are_read_and_no_others(slurm: Cluster, tmp_path: Path) -> None:
    shapes = llama(2)
    folder = Path(model(tmp_path / "m"))
    halves = [dict(list(shapes.items())[:9]), dict(list(shapes.items())[9:])]
    for number, half in enumerate(halves, 1):
        safetensors(folder / f"model-0000{number}-of-00002.safetensors", half)
    safetensors(folder / "consolidated.safetensors", {"tok_embeddings.weight": (100, 64)})
    (folder / "model.safetensors.index.json").write_bytes(index(shapes))
    assert parameters(read(slurm, str(folder))[str(folder)]) == 2 * 30_848 + 6464
    (folder / "model-00002-of-00002.safetensors").unlink()
    tensors = read(slurm, str(folder))[str(folder)].tensors
    assert tensors is not None
    assert (tensors.parameters, len(tensors.groups)) == (None, 11)


def test_of_older_files_the_index_tells_the_names(slurm: Cluster, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m"))
    (folder / "pytorch_model.bin.index.json").write_bytes(index(llama(2)))
    tensors = read(slurm, str(folder))[str(folder)].tensors
    assert tensors is not None
    assert len(tensors.groups) == 11


def test_markers_are_tokens_where_they_stand_alone(slurm: Cluster, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m"))
    (folder / "tokenizer.json").write_text(
        '{"added_tokens": [{"content": "<|im_end|>"}], "model": {"vocab": {"<｜User｜>": 1, "a###": 2}}}'
    )
    (folder / "chat_template.jinja").write_text("{{ '<|im_start|>' + role }}")
    files = read(slurm, str(folder))[str(folder)]
    assert set(files.tokens or ()) == {"<|im_end|>", "<｜User｜>"}
    assert (files.has_chat_template, files.template_markers) == (True, ("<|im_start|>",))


def test_a_tokenizer_without_a_chat_template_says_so(slurm: Cluster, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m"))
    assert read(slurm, str(folder))[str(folder)] == ModelFiles("stamp 0", has_chat_template=False)
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "chat_template": "<|im_end|>"}')
    files = read(slurm, str(folder))[str(folder)]
    assert (files.has_chat_template, files.template_markers) == (True, ("<|im_end|>",))


@pytest.mark.parametrize("content", [b"", b"1234567", b"\xff" * 8, b"\x05\0\0\0\0\0\0\0[", b"\x02\0\0\0\0\0\0\0[]"])
def test_broken_tensors_are_unknown(slurm: Cluster, tmp_path: Path, content: bytes) -> None:
    folder = Path(model(tmp_path / "m"))
    (folder / "model.safetensors").write_bytes(content)
    assert read(slurm, str(folder))[str(folder)].tensors is None


def test_what_is_no_file_is_not_waited_for(slurm: Cluster, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m"))
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        os.mkfifo(folder / name)
    assert read(slurm, str(folder))[str(folder)] == ModelFiles("stamp 0", has_chat_template=False)


def test_a_part_that_is_no_file_is_not_waited_for(slurm: Cluster, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m"))
    (folder / "model.safetensors.index.json").write_bytes(index(llama(1)))
    os.mkfifo(folder / "model-00001-of-00001.safetensors")
    tensors = read(slurm, str(folder))[str(folder)].tensors
    assert tensors is not None
    assert tensors.parameters is None


def test_a_folder_that_cannot_be_read_keeps_no_other_from_it(slurm: Cluster, tmp_path: Path) -> None:
    path = model(tmp_path / "m", llama(1))
    found = read(slurm, str(tmp_path / "away"), path, str(tmp_path / "-n"))
    assert list(found) == [path]
    assert found[path].stamp == "stamp 1"


def test_too_much_for_one_answer_is_asked_for_again(
    slurm: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (model(tmp_path / name, llama(1)) for name in "ab")
    monkeypatch.setattr(cluster_module, "MOST_BYTES", len(header(llama(1))) + 10)
    assert list(read(slurm, first, second)) == [first]
    monkeypatch.setattr(cluster_module, "MOST_BYTES", 10)
    alone = read(slurm, second)
    assert alone[second].tensors is None, "it is too much by itself"


def test_an_answer_that_broke_off_is_none() -> None:
    assert parse_models([Part(("header", "0"), b"{}")], {"/m": "s"}) == {}
