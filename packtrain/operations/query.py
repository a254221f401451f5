"""Queries of operations: pages, and values that were given."""

from collections.abc import Mapping

from packtrain.transport.call import Query


def page_query(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Query:
    """Of a page of a list."""
    return {"limit": limit, **filters, **({"after": after} if after is not None else {})}


def given_query(**values: str | int | None) -> dict[str, str | int | list[str]]:
    """Of the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}
