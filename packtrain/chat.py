"""Chats with models among the methods of both clients: `Packtrain` and `AsyncPacktrain` inherit them."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from packtrain.operations import chat as chat_api
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.chat_stream import ChatReader, Waiting
from packtrain.transport.http import Http

OnWait = Callable[[str], object]
Messages = Sequence[Mapping[str, Any]]


def no_words(_words: str) -> None:
    """Listener to the words of waiting that does nothing with them."""


class ChatMethods:
    """Methods of the synchronous client."""

    _http: Http

    def chat(self, model: str, messages: Messages, *, on_wait: OnWait = no_words, **fields: Any) -> Iterator[str]:
        """The answer to a chat, in pieces as they are generated; further fields as in OpenAI's API.

        While the model starts, `on_wait` is told where it stands.
        """
        reader = ChatReader()
        with self._http.stream(chat_api.chat(model, messages, fields)) as answer:
            for line in answer.iter_lines():
                piece = reader.feed(line)
                if isinstance(piece, Waiting):
                    on_wait(piece.words)
                elif piece is not None:
                    yield piece
        reader.end()


class AsyncChatMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def chat(
        self, model: str, messages: Messages, *, on_wait: OnWait = no_words, **fields: Any
    ) -> AsyncIterator[str]:
        """The answer to a chat, in pieces as they are generated; further fields as in OpenAI's API.

        While the model starts, `on_wait` is told where it stands.
        """
        reader = ChatReader()
        async with self._http.stream(chat_api.chat(model, messages, fields)) as answer:
            async for line in answer.aiter_lines():
                piece = reader.feed(line)
                if isinstance(piece, Waiting):
                    on_wait(piece.words)
                elif piece is not None:
                    yield piece
        reader.end()
