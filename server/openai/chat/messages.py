"""Messages of a chat, in the order that LLaMA-Factory takes: system first, then user and assistant in turn. Pure."""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from tuning.errors import Finding, InvalidInput

_DATA_URL = r"^data:image/[a-z0-9.+-]{1,40};base64,"


class TextPart(BaseModel):
    """A piece of text."""

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """An image within the request: a served model fetches nothing, and opens no file."""

    url: Annotated[str, Field(pattern=_DATA_URL)]


class ImagePart(BaseModel):
    """An image."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]
Content: TypeAlias = str | Annotated[list[Part], Field(max_length=1000)]


class CalledFunction(BaseModel):
    """Name and arguments (as JSON) of a call."""

    name: str = Field(min_length=1, max_length=64)
    arguments: str


class ToolCall(BaseModel):
    """A call that the model made earlier."""

    id: str = Field(default="", max_length=200)
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(BaseModel):
    """A message of a chat."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    tool_calls: list[ToolCall] | None = Field(default=None, max_length=128)


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as LLaMA-Factory takes them: what follows one another of a role is joined. Raises InvalidInput."""
    findings = [finding for place, message in enumerate(messages) for finding in _findings(place, message)]
    if findings:
        raise InvalidInput(findings)
    system = [message for message in messages if _side(message) == "system"]
    others = [message for message in messages if _side(message) != "system"]
    joined = [_joined(side, list(group)) for side, group in groupby(others, key=_side)]
    _check_order([each["role"] for each in joined])
    return [*([_joined("system", system)] if system else []), *joined]


def _findings(place: int, message: Message) -> list[Finding]:
    if message.role == "assistant" and message.tool_calls:
        return []
    if message.content is None:
        return [Finding(("messages", place, "content"), f"a message of the role {message.role} needs content")]
    if message.role != "user" and not isinstance(message.content, str) and _has_images(message.content):
        return [Finding(("messages", place, "content"), "only a user's message may hold images")]
    return []


def _has_images(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, ImagePart) for part in parts)


def _side(message: Message) -> str:
    return {"developer": "system", "function": "tool"}.get(message.role, message.role)


def _check_order(roles: Sequence[str]) -> None:
    """Raises InvalidInput where user (or tool) and assistant do not take turns, the former first and last."""
    asks = [role in ("user", "tool") for role in roles]
    if asks and all(is_asked == (place % 2 == 0) for place, is_asked in enumerate(asks)) and asks[-1]:
        return
    told = ", ".join(roles) or "none"
    hint = "begin with user, let assistant and user (or tool) take turns, and end with user or tool"
    raise InvalidInput([Finding(("messages",), f"the roles are not in an order that models take: {told[:200]}", hint)])


def _joined(role: str, messages: Sequence[Message]) -> dict[str, Any]:
    calls = [call.model_dump() for message in messages for call in message.tool_calls or ()]
    contents = [message.content for message in messages if message.content]
    if role == "assistant" and calls:
        return {"role": role, "content": _text(contents), "tool_calls": calls}
    parts = [part for content in contents if not isinstance(content, str) for part in content]
    if _has_images(parts):
        return {"role": role, "content": [part.model_dump() for content in contents for part in _parts(content)]}
    return {"role": role, "content": _text(contents)}


def _text(contents: Sequence[Content]) -> str:
    return "\n\n".join("".join(part.text for part in _parts(each) if isinstance(part, TextPart)) for each in contents)


def _parts(content: Content) -> Sequence[Part]:
    return [TextPart(type="text", text=content)] if isinstance(content, str) else content
