"""Ids of both APIs name the same rows."""

from collections.abc import Callable

import pytest

from server.openai import ids
from tuning.errors import NotFound
from tuning.ids import new_id

WAYS = [
    ("ds", "file-", ids.file_id_of, ids.dataset_id_of),
    ("job", "ftjob-", ids.fine_tuning_job_id_of, ids.job_id_of),
    ("job", "file-results-", ids.result_file_id_of, ids.job_id_of_result_file),
    ("wh", "we_", ids.endpoint_id_of, ids.webhook_id_of),
    ("upload", "upload_", ids.upload_id_read, ids.upload_id_read),
]
Way = Callable[[str], str]


@pytest.mark.parametrize(("kind", "prefix", "there", "back"), WAYS)
def test_an_id_goes_there_and_back(kind: str, prefix: str, there: Way, back: Way) -> None:
    own_id = new_id(kind)
    assert there(own_id).startswith(prefix)
    assert back(there(own_id)) == own_id


@pytest.mark.parametrize(("kind", "prefix", "there", "back"), WAYS)
@pytest.mark.parametrize("x", ["", "A", "a/b", "a\n", "ａ", "a" * 29, "results-a", "\x00"])
def test_what_cannot_be_an_id_is_not_there(kind: str, prefix: str, there: Way, back: Way, x: str) -> None:
    with pytest.raises(NotFound):
        back(prefix + x)


def test_a_file_with_metrics_is_no_data_set() -> None:
    file_id = ids.result_file_id_of("job_abc")
    assert ids.is_result_file(file_id)
    with pytest.raises(NotFound):
        ids.dataset_id_of(file_id)
