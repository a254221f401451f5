"""One folder for the media of all data of a run."""

from typing import Any

import pytest

from tuning.llamafactory.arguments.paths import AllowedPlaces
from tuning.llamafactory.config.check import CheckedConfig, ConfigContext, check_config
from tuning.llamafactory.config.media import BESIDE_THE_REGISTER, WITH_THE_RUN, MediaPlace

SEEN = {"formatting": "sharegpt", "columns": {"messages": "messages", "images": "images"}}
READ = {"formatting": "sharegpt", "columns": {"messages": "messages"}}
BASE = {"model_name_or_path": "/srv/m", "template": "qwen2_vl"}


def check(places: dict[str, MediaPlace], *blind: str, seen: tuple[str, ...] = (), **config: Any) -> CheckedConfig:
    """Of data sets whose media lie at these places (`seen`: nobody knows where), and of others without any."""
    entries = {**dict.fromkeys([*places, *seen], SEEN), **dict.fromkeys(blind, READ)}
    context = ConfigContext(
        AllowedPlaces(roots=("/srv",)), known_datasets=frozenset(entries), dataset_entries=entries, media_places=places
    )
    return check_config({**BASE, "dataset": ",".join(entries), **config}, context)


def said(checked: CheckedConfig) -> list[str]:
    return [finding.message for finding in checked.findings if finding.loc[-1] == "media_dir"]


@pytest.mark.parametrize(
    "places",
    [{}, {"a": WITH_THE_RUN, "b": WITH_THE_RUN}, {"a": "/srv/cups"}, {"a": BESIDE_THE_REGISTER}],
)
def test_one_place_is_nothing_to_talk_of(places: dict[str, MediaPlace]) -> None:
    assert said(check(places, "text")) == []


def test_media_in_different_folders_are_refused() -> None:
    checked = check({"a": "/srv/cups", "b": WITH_THE_RUN})
    assert "begin in different folders: a /srv/cups, b with the run" in said(checked)[0]
    assert checked.errors


def test_a_folder_of_the_users_own_holds_for_all() -> None:
    checked = check({"a": "/srv/cups", "b": BESIDE_THE_REGISTER}, media_dir="/srv/all")
    assert (said(checked), checked.config["media_dir"]) == ([], "/srv/all")


def test_what_came_along_needs_no_folder() -> None:
    checked = check({"a": WITH_THE_RUN}, media_dir="/srv/all")
    assert "media_dir" not in checked.config
    assert [finding.severity for finding in checked.findings if finding.loc[-1] == "media_dir"] == ["warning"]


def test_media_that_did_not_come_along_need_one() -> None:
    assert "name images, videos or audios that did not come along" in said(check({}, seen=("a",)))[0]
    assert said(check({}, seen=("a",), media_dir="/srv/all")) == []
    assert len(said(check({"b": WITH_THE_RUN}, seen=("a",), media_dir="/srv/all"))) == 3


def test_a_template_that_sees_nothing_is_refused() -> None:
    checked = check({"a": WITH_THE_RUN}, template="llama3")
    assert "this template reads none" in next(f.message for f in checked.errors if f.loc[-1] == "template")
