from collections.abc import Iterator
from typing import cast

import pytest

from packtrain.cli.lookup.dataset_ids import find_dataset
from packtrain.client import Packtrain
from packtrain.errors import InvalidInput
from packtrain.schema import DatasetPage
from tests.packtrain.stub_server import TOKEN, Stub

WHOLE = "ds_0123456789abcdefghjk"


@pytest.fixture
def api(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packtrain]:
    with Packtrain(stub.url, TOKEN) as open_api:
        data = [{"id": WHOLE, "name": "a"}, {"id": "ds_0199999999abcdefghjk", "name": "b"}]
        page = cast(DatasetPage, {"data": data, "has_more": False, "next": None})
        monkeypatch.setattr(open_api, "datasets", lambda **_: page)
        yield open_api


@pytest.mark.parametrize("word", [WHOLE, "ds_012", "012"])
def test_a_beginning_is_the_only_id_that_has_it(api: Packtrain, word: str) -> None:
    assert find_dataset(api, word) == WHOLE


def test_what_begins_no_id_is_left_to_the_server(api: Packtrain) -> None:
    assert find_dataset(api, "ds_zz") == "ds_zz"


def test_a_beginning_of_several_names_them(api: Packtrain) -> None:
    with pytest.raises(InvalidInput, match=r"several ids begin with ds_01: .* \(a\), .* \(b\)"):
        find_dataset(api, "ds_01")
