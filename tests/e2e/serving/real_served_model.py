"""Talk with a served model, inside the training image: prints what was seen as one object of JSON.

Arguments: the folder with inside.pyz, the folder of the model.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

KEY = "a key"


def main() -> None:
    """Start it, ask, end it."""
    programs, model = sys.argv[1:]
    folder = Path(tempfile.mkdtemp())
    config = {"model_name_or_path": model, "template": "llama3", "infer_backend": "huggingface"}
    (folder / "config.yaml").write_text(json.dumps(config))
    command = [sys.executable, f"{programs}/inside.pyz", "serve.program", f"{folder}/config.yaml", f"{folder}/port"]
    environment = {**os.environ, "API_KEY": KEY, "MAX_CONCURRENT": "32", "PYTHONPATH": f"{programs}/inside.pyz"}
    began = time.monotonic()
    process = subprocess.Popen([*command, "127.0.0.1"], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not (folder / "port").exists():
            if process.poll() is not None:
                sys.exit(f"it has ended: {process.returncode}")
            time.sleep(0.1)
        talk = Talk(f"http://127.0.0.1:{(folder / 'port').read_text().strip()}")
        sys.stdout.write(json.dumps({"start_seconds": time.monotonic() - began, **seen(talk)}))
    finally:
        process.terminate()
        process.wait(30)


class Talk:
    """Requests to the model."""

    def __init__(self, url: str) -> None:
        self._url = url

    def post(self, path: str, body: dict[str, Any], key: str = KEY) -> tuple[int, str]:
        """Status and text of an answer."""
        try:
            with self.opened(path, body, key) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def opened(self, path: str, body: dict[str, Any], key: str = KEY) -> Any:
        """An answer whose body is not read yet."""
        head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", json.dumps(body).encode(), head)  # noqa: S310
        return urllib.request.urlopen(request, timeout=300)  # noqa: S310

    def chat(self, **more: Any) -> tuple[int, str]:
        """A chat of one question."""
        messages = [{"role": "user", "content": "Who are you?"}]
        return self.post("/v1/chat/completions", {"model": "m", "messages": messages, "temperature": 0, **more})

    def complete(self, prompt: str, **more: Any) -> tuple[int, str]:
        """A completion of a raw prompt."""
        return self.post("/v1/completions", {"model": "m", "prompt": prompt, "temperature": 0, **more})


def seen(talk: Talk) -> dict[str, Any]:
    """All that is asked of it."""
    whole = json.loads(talk.complete("The quick", max_tokens=24)[1])
    text = whole["choices"][0]["text"]
    word = text[6:10]
    with ThreadPoolExecutor(20) as pool:
        streams = list(pool.map(lambda _: talk.chat(stream=True, max_tokens=16), range(20)))
    return {
        "whole": whole,
        "streamed": talk.complete("The quick", max_tokens=24, stream=True),
        "stopped": talk.complete("The quick", max_tokens=24, stop=[word]),
        "stopped_stream": talk.complete("The quick", max_tokens=24, stop=[word], stream=True),
        "word": word,
        "chat": talk.chat(max_tokens=8),
        "two": talk.chat(max_tokens=8, n=2, temperature=1.0),
        "wrong_key": talk.post("/v1/chat/completions", {}, "another"),
        "too_long": talk.complete("word " * 30_000),
        "too_long_stream": talk.complete("word " * 30_000, stream=True),
        "stop_words": talk.complete("The", stop=[str(n) for n in range(10_000)]),
        "streams": streams,
        "threads_after_leaving": leave(talk),
    }


def leave(talk: Talk) -> dict[str, float]:
    """Seconds of an answer behind readers that left long ones, and of the same answer alone."""
    began = time.monotonic()
    talk.complete("The quick", max_tokens=24)
    alone = time.monotonic() - began
    for _ in range(8):
        with talk.opened("/v1/completions", {"model": "m", "prompt": "The", "max_tokens": 4000, "stream": True}) as it:
            it.readline()
    time.sleep(1)
    began = time.monotonic()
    talk.complete("The quick", max_tokens=24)
    return {"alone": alone, "after": time.monotonic() - began}


if __name__ == "__main__":
    main()
