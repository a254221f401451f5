from collections.abc import Iterator

import pytest

from packtrain.cli.lookup.job_ids import find_job, find_jobs
from packtrain.client import Packtrain
from packtrain.errors import InvalidInput
from tests.packtrain.stub_server import JOB_ID, TOKEN, Stub, job_json

OTHER_ID = "job_0123zzzzzzzzzzzzzzzz"


@pytest.fixture
def api(stub: Stub) -> Iterator[Packtrain]:
    with Packtrain(stub.url, TOKEN) as open_api:
        yield open_api


def test_a_whole_id_is_taken_without_a_question(api: Packtrain, stub: Stub) -> None:
    assert find_jobs(api, [JOB_ID, JOB_ID.removeprefix("job_")]) == [JOB_ID]
    assert stub.requests == []


@pytest.mark.parametrize("word", ["job_0123456", "0123456"])
def test_a_beginning_is_the_only_id_that_has_it(api: Packtrain, stub: Stub, word: str) -> None:
    stub.listed = [job_json(), job_json(id=OTHER_ID, name="after job_0123456")]
    assert find_job(api, word) == JOB_ID


def test_the_last_is_ones_own_newest(api: Packtrain, stub: Stub) -> None:
    assert find_job(api, "@last") == JOB_ID
    assert stub.requests[-1] == ("GET", "/api/v1/jobs?limit=1&owner=alice")


def test_a_beginning_of_several_names_them(api: Packtrain, stub: Stub) -> None:
    stub.listed = [job_json(), job_json(id=OTHER_ID, name="other")]
    with pytest.raises(InvalidInput, match=rf"several ids begin with job_0123: {JOB_ID} .*, {OTHER_ID} \(other\)"):
        find_job(api, "0123")


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("zz", "no job's id begins with job_zz"),
        ("../tokens", "`../tokens` is no job's id"),
        ("@first", "`@first` is no job's id"),
        ("", "`` is no job's id"),
    ],
)
def test_a_word_that_means_no_job_says_so(api: Packtrain, word: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        find_job(api, word)
