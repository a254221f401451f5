"""The check where a file lies: its copy goes to the place of its content, or nothing is left behind."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.tuning.datasets.files import alpaca, as_array, as_lines, check, ranked
from tuning.datasets.check import cluster_program
from tuning.datasets.check.cluster_program import Order, take_in, write_report
from tuning.errors import InvalidInput
from tuning.jobs.attempt.check_archive import check_archive

ROOT = Path(__file__).parents[4]
GOOD = as_lines([alpaca(), alpaca(output=None)])


class Place:
    """A folder that stands for a cluster."""

    def __init__(self, folder: Path) -> None:
        self.data, self.root = folder / "data", folder / "packtrain"
        for path in (self.data, self.root / "incoming", self.root / "datasets", self.root / "jobs"):
            path.mkdir(parents=True)
        self.file = self.data / "rows"
        self.order = Order(
            path=str(self.file),
            roots=[str(self.data)],
            closed=[str(self.root / "jobs")],
            arriving=str(self.root / "incoming/job_1-1"),
            content=f"{self.root}/datasets/{{sha256}}.{{extension}}",
            report=str(self.root / "checked.json"),
        )

    def holds(self, content: bytes) -> None:
        self.file.write_bytes(content)

    def contents(self) -> list[Path]:
        return sorted((self.root / "datasets").iterdir())

    def says(self, program: Callable[[Order], None] = write_report, **changes: Any) -> dict[str, Any]:
        """The report; nothing that was on its way is left."""
        program(replace(self.order, **changes))
        assert list((self.root / "incoming").iterdir()) == []
        found: dict[str, Any] = json.loads((self.root / "checked.json").read_text())
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def archived(order: Order, *flags: str) -> None:
    """As on a cluster: the archive alone, and (with -S) nothing that is installed."""
    folder = Path(order.report).parent
    archive, file = folder / "check.pyz", folder / "check.json"
    archive.write_bytes(check_archive())
    file.write_text(json.dumps(asdict(order)))
    command = [sys.executable, *(flags or ("-S",)), str(archive), str(file)]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", [write_report, archived])
@pytest.mark.parametrize("content", [GOOD, as_array([alpaca(), alpaca(output=None)])])
def test_a_good_file_is_told_of_as_an_upload_and_lies_where_contents_lie(
    place: Place, program: Callable[[Order], None], content: bytes
) -> None:
    place.holds(content)
    told, expected = place.says(program), check(content)
    assert told["report"] == json.loads(json.dumps(expected.report.as_json()))
    assert told["entry"] == expected.entry
    sha256 = hashlib.sha256(content).hexdigest()
    assert (told["sha256"], told["size_bytes"]) == (sha256, len(content))
    assert base64.b64decode(told["head"]) == content
    (kept,) = place.contents()
    assert (kept.name, kept.read_bytes()) == (f"{sha256}.{expected.report.encoding}", content)
    assert program is write_report or kept.stat().st_mode & 0o777 == 0o600
    assert place.file.read_bytes() == content


@pytest.mark.parametrize("program", [write_report, archived])
def test_a_csv_is_kept_as_json_lines(place: Place, program: Callable[[Order], None]) -> None:
    place.holds(b"instruction,output\na,b\n")
    told = place.says(program)
    (kept,) = place.contents()
    lines = b'{"instruction": "a", "output": "b"}\n'
    assert (kept.suffix, json.loads(kept.read_bytes())) == (".jsonl", json.loads(lines))
    assert told["sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest() == kept.stem
    assert (told["report"]["made_from"], told["report"]["rows"]) == ("csv", 1)


def test_a_parquet_file_is_read_by_the_archive_too(place: Place) -> None:
    pq.write_table(pa.Table.from_pylist([alpaca(), alpaca()]), place.file)
    told = place.says(lambda order: archived(order, "-B"))
    assert (told["report"]["made_from"], told["report"]["rows"]) == ("parquet", 2)


def test_a_refused_file_is_told_with_its_lines_and_leaves_nothing(place: Place) -> None:
    place.holds(GOOD + b"{\n")
    (finding,) = place.says()["findings"]
    assert finding["loc"] == ["file", 3]
    assert finding["message"].startswith("row 3 (line 3): not valid JSON")
    assert place.contents() == []


def test_what_was_wished_of_the_file_is_held(place: Place) -> None:
    place.holds(as_lines([{**ranked(), "output": "a"}]))
    assert place.says(purpose="sft")["report"]["purpose"] == "sft"
    assert place.says(format="sharegpt")["findings"][0]["loc"] == ["format"]


def test_a_file_that_is_not_there_is_said(place: Place) -> None:
    (finding,) = place.says()["findings"]
    assert finding["loc"] == ["cluster_path"]
    assert finding["message"] == f"{place.file} cannot be read on the cluster: No such file or directory"


def test_a_folder_and_a_pipe_are_no_files(place: Place) -> None:
    place.file.mkdir()
    assert "Is a directory" in place.says()["findings"][0]["message"]
    place.file.rmdir()
    os.mkfifo(place.file)
    assert "is not a file" in place.says()["findings"][0]["message"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_link_may_not_lead_out_of_what_jobs_may_use(place: Place, tmp_path: Path, inside: bool) -> None:
    target = (place.data if inside else tmp_path) / "other"
    target.write_bytes(GOOD)
    place.file.symlink_to(target)
    told = place.says()
    if inside:
        assert told["report"]["rows"] == 2
    else:
        assert "leads out of the folders" in told["findings"][0]["message"]
        assert place.contents() == []


def test_our_own_folders_are_closed_even_below_a_root(place: Place, tmp_path: Path) -> None:
    (place.root / "jobs/secret").write_bytes(GOOD)
    place.file.symlink_to(place.root / "jobs/secret")
    told = place.says(roots=[str(tmp_path)])
    assert "leads out of the folders" in told["findings"][0]["message"]


def test_a_root_that_is_a_link_itself_is_followed(place: Place, tmp_path: Path) -> None:
    place.holds(GOOD)
    (tmp_path / "alias").symlink_to(place.data)
    told = place.says(roots=[str(tmp_path / "alias")], path=str(tmp_path / "alias/rows"))
    assert told["report"]["rows"] == 2


def test_the_head_is_bounded(place: Place) -> None:
    place.holds(GOOD * 1000)
    assert len(base64.b64decode(place.says()["head"])) == cluster_program.HEAD_BYTES


def test_a_table_does_not_unfold_without_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_program, "MAX_TABLE_BYTES", 100)
    place.holds(b"instruction,output\n" + b"a,b\n" * 100)
    assert "larger than 100 bytes" in place.says()["findings"][0]["message"]


def test_a_tokenizer_that_is_none_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tokenizer:
        @staticmethod
        def from_file(path: str) -> None:
            raise OSError(f"no {path}")

    monkeypatch.setitem(sys.modules, "tokenizers", Tokenizer)
    monkeypatch.setattr(Tokenizer, "Tokenizer", Tokenizer, raising=False)
    place.holds(GOOD)
    (finding,) = place.says(tokenizer=str(place.data))["findings"]
    assert finding["loc"] == ["tokenizer"]
    assert f"{place.data}/tokenizer.json cannot be read as a tokenizer" in finding["message"]


def test_media_are_looked_for_beside_the_file(place: Place) -> None:
    (place.data / "cups").mkdir()
    (place.data / "cups/1.jpg").touch()
    place.holds(as_lines([alpaca(input="<image>", images=["cups/1.jpg"])]))
    assert place.says()["entry"]["columns"]["images"] == "images"
    place.holds(as_lines([alpaca(input="<image>", images=["cups/2.jpg"])]))
    assert "not there (cups/2.jpg)" in place.says()["findings"][0]["message"]


def test_a_copy_that_was_not_good_is_gone_also_when_the_program_is_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        assert Path(place.order.arriving).read_bytes() == GOOD
        raise SystemExit(143)

    monkeypatch.setattr(cluster_program, "validate", ended)
    place.holds(GOOD)
    with pytest.raises(SystemExit):
        take_in(place.order)
    assert list((place.root / "incoming").iterdir()) == []


def test_a_signal_to_end_leaves_nothing(place: Place) -> None:
    place.holds(GOOD)
    file = place.root / "check.json"
    file.write_text(json.dumps(asdict(place.order)))
    program = (
        "import sys, time; from tuning.datasets.check import cluster_program as program;"
        "program.validate = lambda *_, **__: (print('checking', flush=True), time.sleep(60));"
        "sys.exit(program.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = iter(process.stdout)
        while "checking" not in next(said):
            pass
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
    assert list((place.root / "incoming").iterdir()) == []
    assert not Path(place.order.report).exists()


def test_what_cannot_be_trained_on_raises(place: Place) -> None:
    place.holds(b"")
    with pytest.raises(InvalidInput, match="not one row"):
        take_in(place.order)
