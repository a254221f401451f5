"""Lists of OpenAI's API: some of them, and whether there are more."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

Item = TypeVar("Item", bound=BaseModel)


class ItemList(BaseModel, Generic[Item]):
    """A part of a list; the next one begins after the id of its last."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool
    first_id: str | None
    last_id: str | None


def item_list(items: Sequence[Item], *, has_more: bool) -> ItemList[Item]:
    """A part of a list of items with ids."""
    ids: list[Any] = [item.model_dump(include={"id"})["id"] for item in (*items[:1], *items[-1:])]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return ItemList[Item](data=list(items), has_more=has_more, first_id=first, last_id=last)
