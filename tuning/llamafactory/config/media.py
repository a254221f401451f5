"""Folder of the images, videos and audios of a run's data: LLaMA-Factory takes one folder for all (media_dir)."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding

_COLUMNS = frozenset({"images", "videos", "audios"})
_LOC = ("config", "media_dir")

WITH_THE_RUN = "with the run"
"""In a run's own folder of data, where what came along is unpacked."""
BESIDE_THE_REGISTER = "beside the cluster's register"
MediaPlace = str
"""One of these, or a folder of the cluster."""


def reads_media(entry: Mapping[str, Any]) -> bool:
    """Whether LLaMA-Factory looks for media in the rows of a dataset_info.json entry."""
    columns = entry.get("columns")
    return isinstance(columns, Mapping) and not _COLUMNS.isdisjoint(columns)


def doubt_media(places: Mapping[str, MediaPlace | None], media_dir: str | None) -> Iterator[Finding]:
    """Findings on the data sets whose rows name media, by name with their place; None: nobody knows it."""
    if WITH_THE_RUN in places.values() and media_dir:
        message = "media_dir is left out: the images, videos and audios came with the data"
        yield Finding(_LOC, message, "it can be left out", "warning")
        media_dir = None
    homeless = sorted(name for name, place in places.items() if place is None)
    if homeless and not media_dir:
        yield _homeless(homeless)
    known = {name: place for name, place in places.items() if place is not None}
    if not media_dir and len(set(known.values())) + bool(homeless) > 1:
        yield _apart(known)


def _homeless(names: list[str]) -> Finding:
    message = f"the rows of {', '.join(names)[:200]} name images, videos or audios that did not come along"
    hint = "upload rows and files as one tar or zip, or give the folder on the cluster where they lie (media_dir)"
    return Finding(_LOC, message, hint)


def _apart(places: Mapping[str, str]) -> Finding:
    shown = ", ".join(f"{name} {place}" for name, place in sorted(places.items()))
    message = f"the images, videos and audios of these data sets begin in different folders: {shown[:300]}"
    hint = "LLaMA-Factory takes one (media_dir): upload the data sets as archives, or train on those of one folder"
    return Finding(_LOC, message, hint)
