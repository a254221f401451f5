import pytest

from tuning.errors import InvalidInput
from tuning.llamafactory.config.dataset_info import Registry, dataset_info

ENTRIES = {
    "identity": {"file_name": "identity.json"},
    "wmt": {"file_name": "/data/wmt/../wmt.json", "columns": {"prompt": "src"}},
    "folder": {"file_name": "a/b", "formatting": "sharegpt"},
    "alpaca_en": {"hf_hub_url": "org/alpaca_en"},
    "both": {"ms_hub_url": "org/both", "file_name": "both.json"},
    "broken": "not an entry",
}
REGISTRY = Registry("/mnt/data", ENTRIES)


def test_uploads_lie_where_they_were_staged() -> None:
    info = dataset_info({"ds_1": ({"formatting": "alpaca"}, "/root/datasets/ab.json")}, [], None)
    assert info == {"ds_1": {"formatting": "alpaca", "file_name": "/root/datasets/ab.json"}}


def test_registered_paths_become_absolute_and_nothing_else_changes() -> None:
    assert dataset_info({}, ["identity", "wmt", "folder", "identity"], REGISTRY) == {
        "identity": {"file_name": "/mnt/data/identity.json"},
        "wmt": {"file_name": "/data/wmt.json", "columns": {"prompt": "src"}},
        "folder": {"file_name": "/mnt/data/a/b", "formatting": "sharegpt"},
    }


def test_a_hub_is_asked_only_where_that_is_allowed() -> None:
    with pytest.raises(InvalidInput, match="fetched from a hub"):
        dataset_info({}, ["alpaca_en"], REGISTRY)
    allowed = Registry("/mnt/data", ENTRIES, allow_hub=True)
    assert dataset_info({}, ["alpaca_en"], allowed) == {"alpaca_en": {"hf_hub_url": "org/alpaca_en"}}


def test_a_file_is_used_where_the_hub_may_not_be() -> None:
    """LLaMA-Factory would prefer the hub."""
    assert dataset_info({}, ["both"], REGISTRY) == {"both": {"file_name": "/mnt/data/both.json"}}


@pytest.mark.parametrize("name", ["unknown", "broken"])
def test_a_name_that_is_not_registered_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="Undefined dataset"):
        dataset_info({}, [name], REGISTRY)


def test_without_a_registry_no_name_is_known() -> None:
    with pytest.raises(InvalidInput, match="Undefined dataset 'identity'"):
        dataset_info({}, ["identity"], None)
