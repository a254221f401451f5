"""How much the server holds in memory while a file far larger than that is uploaded and checked."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from container.lab import ports
from tests.bench.report.table import Row
from tests.bench.rig import Rig
from tests.factories import make_token, make_user
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.migrate import upgrade

MOST_MEGABYTES = 200.0
ROW_BYTES = 2000
CHUNK_ROWS = 500


def measure(rig: Rig) -> Iterator[Row]:
    """One row: the greatest resident size since the server's start."""
    folder, port = rig.folder("uploading"), ports.pick()
    url = f"sqlite:///{folder / 'packtrain.db'}"
    token = _token(url)
    clusters = folder / "clusters.toml"
    clusters.write_text("", encoding="utf-8")
    own = {"PACKTRAIN_DATABASE_URL": url, "PACKTRAIN_CLUSTERS_FILE": str(clusters)}
    own |= {"PACKTRAIN_DATA_DIR": str(folder / "data"), "PACKTRAIN_PORT": str(port)}
    with rig.program(["-m", "server"], port, own) as pid:
        before = _most_megabytes(pid)
        began = time.perf_counter()
        size = _upload(port, token, rig.scale.upload_bytes)
        seconds, most = time.perf_counter() - began, _most_megabytes(pid)
    yield Row(
        f"resident memory of the server, a file of {size / 1e9:.1f} GB uploaded and checked",
        f"{MOST_MEGABYTES:g} MB",
        f"at most {most:.0f} MB, {before:.0f} MB before; {size / 1e6 / seconds:.0f} MB/s",
        f"{most / MOST_MEGABYTES:.2f}",
        "-",
        f"< {MOST_MEGABYTES:g} MB",
        most < MOST_MEGABYTES,
    )


def _token(url: str) -> str:
    upgrade(url)
    engine = open_engine(url)
    with transaction(open_sessions(engine)) as session:
        token = make_token(session, make_user(session))
    engine.dispose()
    return token


def _upload(port: int, token: str, size: int) -> int:
    """Send alpaca rows, all of them different, without a file of ours; returns the bytes sent."""
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield b'--line\r\nContent-Disposition: form-data; name="file"; filename="large.jsonl"\r\n\r\n'
        while sent < size:
            chunk = b"".join(_row(sent + number) for number in range(CHUNK_ROWS))
            sent += len(chunk)
            yield chunk
        yield b"\r\n--line--\r\n"

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=line"}
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/datasets", content=body(), headers=headers, timeout=httpx.Timeout(900)
    )
    answer.raise_for_status()
    if answer.json()["size_bytes"] != sent:
        raise RuntimeError(f"{sent} bytes were sent: {answer.text}")
    return sent


def _row(number: int) -> bytes:
    text = f"{number} " + "The quick brown fox jumps over the lazy dog. " * (ROW_BYTES // 45)
    row = {"instruction": f"Translate text {number}.", "input": "", "output": text}
    return json.dumps(row).encode() + b"\n"


def _most_megabytes(pid: int) -> float:
    """proc(5), status: VmHWM, in units of 1,024 bytes there."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
