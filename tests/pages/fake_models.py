"""Models that a page of a browser talks to, in place of the server's: a test says what they say, and when."""

import json
from typing import Any

from playwright.sync_api import Page

_FAKE = """() => {
  const real = window.fetch, encoder = new TextEncoder();
  window.asked = [];
  window.fetch = async (path, init) => {
    if (path !== "/v1/chat/completions") return real(path, init);
    const asked = { body: JSON.parse(init.body), csrf: init.headers["X-CSRF-Token"], wasStopped: false };
    window.asked.push(asked);
    if (window.refusal) return new Response(JSON.stringify({ error: window.refusal }), { status: 400 });
    return new Response(new ReadableStream({ start: (stream) => {
      asked.say = (text) => stream.enqueue(encoder.encode(text));
      init.signal.addEventListener("abort", () => { asked.wasStopped = true; stream.error(init.signal.reason); });
    } }));
  };
}"""
_WITHOUT_FUNCTIONS = "() => JSON.parse(JSON.stringify(window.asked))"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


class FakeModels:
    """Requests of a page to models, and their answers; numbered from 0."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(_FAKE)

    def asked(self, number: int) -> dict[str, Any]:
        """A request: its body, its CSRF header, and whether the page has ended it."""
        self._page.wait_for_function("(number) => window.asked.length > number", arg=number)
        asked: list[dict[str, Any]] = self._page.evaluate(_WITHOUT_FUNCTIONS)
        return asked[number]

    def refuse(self, message: str) -> None:
        """Answer every request with an error from now on."""
        self._page.evaluate("(message) => { window.refusal = { message } }", message)

    def wait(self, number: int, words: str) -> None:
        """Tell what the model's server waits for."""
        self._send(number, f": {words}\n\n")

    def say(self, number: int, words: str) -> None:
        """A piece of an answer."""
        self._event(number, {"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": None}]})

    def fail(self, number: int, message: str) -> None:
        """An error in the middle of an answer."""
        self._event(number, {"error": {"message": message}})

    def end(self, number: int, reason: str = "stop") -> None:
        """The end of an answer."""
        self._event(number, {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self._event(number, {"choices": [], "usage": USAGE})
        self._send(number, "data: [DONE]\n\n")

    def _event(self, number: int, content: dict[str, Any]) -> None:
        self._send(number, f"data: {json.dumps(content)}\n\n")

    def _send(self, number: int, text: str) -> None:
        self.asked(number)
        self._page.evaluate("([number, text]) => window.asked[number].say(text)", [number, text])
