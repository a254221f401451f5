from pathlib import Path

import pytest

from packtrain.cli.lookup.completion import complete_clusters, complete_datasets, complete_jobs
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json


def test_ids_and_names_are_completed_with_a_remark(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(name="a\x1b[2Jb")]
    assert complete_jobs("job_01") == [(JOB_ID, "queued  a  2Jb")]
    assert complete_jobs("") == [("@last", "your newest job"), (JOB_ID, "queued  a  2Jb")]
    assert complete_datasets("ds") == [("ds_1", "chats")]
    assert [name for name, _ in complete_clusters("l")] == ["lab"]


def test_nothing_is_completed_and_nothing_said_where_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PACKTRAIN_URL", "PACKTRAIN_TOKEN", "HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert complete_jobs("job_") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["\\$(touch x)", "`touch x`", '"; touch x; "', "a\nb", "'; touch x #", "${IFS}"])
def test_a_name_is_no_program_for_a_shell(run: Run, stub: Stub, name: str) -> None:
    stub.versions = [job_json(name=name)]
    ((_, remark),) = complete_jobs("job_")
    assert not set(remark) & set("\\$`\"';|&<>(){}[]*?~#!\n")


def test_a_word_that_is_no_id_is_not_completed(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(id="job_0$(touch x)")]
    assert complete_jobs("job_") == []
