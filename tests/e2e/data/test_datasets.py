"""The report against LLaMA-Factory's own loader in the training image: the same rows survive, by number."""

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.data.dataset_files import FORBIDDEN_NAME, DataFile, data_files
from tests.e2e.data.real_loader import RESULT
from tests.e2e.site import Site
from tests.tuning.datasets.files import alpaca
from tuning.datasets.check.issues import Reason

FILES = {file.name: file for file in data_files()}
STRICTER = [name for name, file in FILES.items() if b"9" * 5000 in file.content or name.startswith(FORBIDDEN_NAME)]
"""A number of 5000 digits is infinity to pyarrow, and no number to Python; weights of messages it does not know."""
ROOT = Path(__file__).parents[3]
FOLDER = "/home/packtrain/loader"
IMAGE = "/opt/packtrain/llamafactory.sif"
MODEL = "/srv/models/tiny-llama"


@pytest.fixture(scope="module")
def answers(site: Site) -> Mapping[str, Any]:
    """Rows that the real loader makes of each file."""
    folder = site.lab.root_dir / FOLDER.lstrip("/")
    folder.mkdir()
    for file in FILES.values():
        (folder / _file_name(file)).write_bytes(file.content)
    cases = [
        {"name": file.name, "file": f"{FOLDER}/{_file_name(file)}", "entry": file.entry, "stage": file.stage}
        for file in FILES.values()
    ]
    (folder / "cases.json").write_text(json.dumps(cases))
    program = Path(__file__).with_name("real_loader.py").read_text(encoding="utf-8")
    (folder / "real_loader.py").write_text(program, encoding="utf-8")
    site.lab.run("chown", "-R", "packtrain", FOLDER)
    python = shlex.join(["python3", f"{FOLDER}/real_loader.py", f"{FOLDER}/cases.json", MODEL])
    said = site.on_cluster(f"apptainer exec --bind /srv/models {IMAGE} {python}")
    (result,) = [line for line in said.splitlines() if line.startswith(RESULT)]
    found: dict[str, Any] = json.loads(result.removeprefix(RESULT))
    return found


@pytest.mark.lab
@pytest.mark.parametrize("name", [name for name in FILES if name not in STRICTER])
def test_the_same_rows_survive(answers: Mapping[str, Any], name: str) -> None:
    file, theirs = FILES[name], answers[name]
    ours = file.marks_kept()
    # llama3 is a template that reads nothing of a tool, and wants the line ends of a thought
    template_refuses = Reason.TEMPLATE_DECIDES in file.reasons() and "tools" not in file.entry["columns"]
    if ours is None or template_refuses:
        assert theirs.get("error"), theirs
    else:
        assert theirs.get("rows") == ours, theirs


@pytest.mark.lab
@pytest.mark.parametrize("name", STRICTER)
def test_where_we_are_stricter_is_known(answers: Mapping[str, Any], name: str) -> None:
    assert FILES[name].marks_kept() is None
    assert answers[name]["rows"]


@pytest.mark.lab
def test_the_check_runs_in_the_image_with_a_tokenizer(site: Site, tmp_path: Path) -> None:
    """A file on the cluster is checked there, by the same code, which is sent."""
    folder = "/home/packtrain/check"
    target = site.lab.root_dir / folder.lstrip("/")
    shutil.copytree(ROOT / "tuning" / "datasets", target / "tuning" / "datasets")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "tuning" / name, target / "tuning" / name)
    pq.write_table(pa.Table.from_pylist([alpaca(), alpaca(output=None), alpaca(output="x " * 200)]), target / "data")
    options = ["--tokenizer", MODEL, "--cutoff-len", "128"]
    python = shlex.join(["python3", "-m", "tuning.datasets.check", "data", *options])
    command = f"apptainer exec --bind /srv/models --pwd {folder} {IMAGE} {python}"
    said = json.loads(site.on_cluster(f"cd {folder} && {command}"))
    report = said["report"]
    assert (report["made_from"], report["kept"], report["dropped"]) == ("parquet", 2, 1)
    assert report["tokens"]["total"] > 0
    assert (said["truncation"]["unit"], said["truncation"]["rows_at_most"]) == ("tokens", 1)


def _file_name(file: DataFile) -> str:
    return f"{file.name}.{file.extension}"
