"""Operations of OpenAI's API, as calls. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from packtrain.transport.call import STREAM_READ_SECONDS, Call

_EVENTS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}


def chat(model: str, messages: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> Call[bytes]:
    given = {name: value for name, value in fields.items() if value is not None}
    body = {**given, "model": model, "messages": list(messages), "stream": True}
    read_seconds = STREAM_READ_SECONDS
    return Call("POST", "chat/completions", body=body, headers=_EVENTS, read_seconds=read_seconds, root="v1")
