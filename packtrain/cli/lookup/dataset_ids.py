"""A data set's id from the words of a command line: whole, or its beginning among the newest."""

from typing import TYPE_CHECKING

from packtrain.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_LENGTH = len("ds_") + 20
_MOST = 500
_MOST_NAMED = 10


def find_dataset(api: "Packtrain", word: str) -> str:
    """The id that a word begins; the word itself where none does, for the server to judge. Raises InvalidInput."""
    if len(word) >= _LENGTH:
        return word
    start = word if word.startswith("ds_") else f"ds_{word}"
    found = [data for data in api.datasets(limit=_MOST)["data"] if data["id"].startswith(start)]
    if len(found) > 1:
        named = ", ".join(f"{data['id']} ({data['name']})" for data in found[:_MOST_NAMED])
        message = f"several ids begin with {start}: {named}"
        raise InvalidInput([Finding((), message, "give more of the one that you mean")])
    return found[0]["id"] if found else word
