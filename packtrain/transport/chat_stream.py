"""Stream of a chat's answer: lines in, pieces of its text and words on the wait for it out. Pure."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from packtrain.errors import ApiError, Problem
from packtrain.transport.event_stream import EventParser

DONE = "[DONE]"
_STILL_HERE = "still here"


@dataclass(frozen=True)
class Waiting:
    """Words on a model that is not ready yet."""

    words: str


class ChatReader:
    """Fed with a stream's lines (without their ends)."""

    def __init__(self) -> None:
        self._events = EventParser()
        self.is_done = False

    def feed(self, line: str) -> str | Waiting | None:
        """The piece of text, or the words on the wait, that this line brings. Raises ApiError for an error in it."""
        if line.startswith(":"):
            words = line[1:].strip()
            return Waiting(words) if words and words != _STILL_HERE else None
        event = self._events.feed(line)
        if event is None:
            return None
        if event.data == DONE:
            self.is_done = True
            return None
        return _piece(event.data)

    def end(self) -> None:
        """To be called behind the last line. Raises ApiError where the answer has no end."""
        if not self.is_done:
            raise _broken("the answer broke off")


def _piece(data: str) -> str | None:
    try:
        body: Any = json.loads(data)
        if error := body.get("error"):
            raise _broken(str(error.get("message")))
        choices = body.get("choices") or [{}]
        content = choices[0].get("delta", {}).get("content")
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise _broken("the answer holds what is no piece of one") from error
    return content if isinstance(content, str) and content else None


def _broken(message: str) -> ApiError:
    return ApiError(Problem(HTTPStatus.BAD_GATEWAY, HTTPStatus.BAD_GATEWAY.phrase, message))
