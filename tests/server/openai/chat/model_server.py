"""A model's server for tests: answers over HTTP as the program in the training image does, by what the prompt says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEAD = {"id": "chatcmpl-0a1b", "created": 1796000000, "model": "served"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
WORDS = ("Once", " upon", " a time")
TOO_LONG = {
    "message": "this model's maximum context length is 2048 tokens, and the prompt has 9000: shorten it",
    "code": "context_length_exceeded",
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Kyoto"}'}}


@dataclass
class ModelServerState:
    """State of a model's server: its port, the requests so far, and the events that it waits for."""

    port: int
    says: str = "".join(WORDS)
    """Its answers that are not streamed, """
    ends: str = "length"
    """and why they ended."""
    asked: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)
    """Paths, keys and bodies."""
    go_on: threading.Event = field(default_factory=threading.Event)
    """Let `slow` answers come to their second word."""
    reader_left: threading.Event = field(default_factory=threading.Event)

    @property
    def body(self) -> dict[str, Any]:
        """The newest body."""
        return self.asked[-1][2]


@contextmanager
def serving() -> Iterator[ModelServerState]:
    """A model's server on a port of this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.state = ModelServerState(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.state
        server.state.go_on.set()
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    state: ModelServerState


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.state.asked.append((self.path, self.headers["Authorization"], body))
        prompt = body.get("prompt") or body["messages"][-1]["content"]
        if prompt == "too long":
            self._whole(400, {"detail": TOO_LONG})
        elif body["stream"]:
            self._stream(prompt, is_chat="messages" in body)
        else:
            self._whole(200, self._answer(body, prompt))

    def _answer(self, body: dict[str, Any], prompt: str) -> dict[str, Any]:
        if prompt == "nonsense":
            return {"choices": "?"}
        text = self.server.state.says
        message: dict[str, Any] = {"role": "assistant", "content": text}
        reason = self.server.state.ends
        if body.get("tools"):
            message, reason = {"role": "assistant", "content": None, "tool_calls": [CALL]}, "tool_calls"
        said = {"message": message} if "messages" in body else {"text": text, "logprobs": None}
        choices = [{"index": index, **said, "finish_reason": reason} for index in range(body.get("n", 1))]
        return {**HEAD, "choices": choices, "usage": USAGE}

    def _stream(self, prompt: str, *, is_chat: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._words(prompt, is_chat=is_chat)
        except OSError:
            self.server.state.reader_left.set()

    def _words(self, prompt: str, *, is_chat: bool) -> None:
        for number, word in enumerate(WORDS * (20_000 if prompt == "endless" else 1)):
            delta = {"role": "assistant", "content": word} if number == 0 else {"content": word}
            self._event(
                {"choices": [{"index": 0, "finish_reason": None, **({"delta": delta} if is_chat else {"text": word})}]}
            )
            if prompt == "slow":
                self.server.state.go_on.wait(30)
            if prompt == "die":
                self.close_connection = True
                return
            if prompt == "fail":
                self._event({"error": {"message": "CUDA out of memory"}})
                self._chunk(b"")
                return
        end: dict[str, Any] = {"delta": {}} if is_chat else {"text": ""}
        self._event({"choices": [{"index": 0, **end, "finish_reason": "length"}]})
        self._event({"choices": [], "usage": USAGE})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, content: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps({**HEAD, **content})}\n\n".encode())

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def _whole(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
