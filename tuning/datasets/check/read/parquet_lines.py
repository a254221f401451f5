"""Parquet as JSON lines, read by a process of its own.

A Parquet file is a program for its decoder: a few bytes may ask for all memory there is (a page that says it unfolds to
2 GiB, a text that a dictionary repeats a million times), and a forged one may crash it. So pyarrow runs apart, in
tuning.datasets.check.read.parquet_program, with a bound on its memory: what happens to it there is a finding here.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import IO, BinaryIO

import tuning
from tuning.datasets.check.read.parquet_program import REFUSED
from tuning.errors import Finding, InvalidInput

_PIECE_BYTES = 256 * 1024
_SAID_BYTES = 4000
_ENVIRONMENT = {
    # It needs no secrets. What libraries set aside for each core or thread would count against its bound.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_HINT = "write it anew (pyarrow, pandas and datasets do it well), or send JSON lines"


def parquet_lines(stream: BinaryIO) -> Generator[bytes, None, None]:
    """The rows of a real file, in pieces of any size. Raises InvalidInput when it cannot be read or told as JSON.

    The process is ended when nobody wants more of it.
    """
    with tempfile.TemporaryFile() as said, _start(stream, said) as process:
        try:
            while piece := process.stdout.read(_PIECE_BYTES) if process.stdout else b"":
                yield piece
        finally:
            process.kill()  # does nothing to one that has ended
            status = process.wait()
        if status != 0:
            said.seek(0)
            raise InvalidInput([_finding(status, said.read(_SAID_BYTES))])


def _start(stream: BinaryIO, said: IO[bytes]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tuning.datasets.check.read.parquet_program"]
    # Named by a variable and not by the working folder: on a cluster our source is one archive.
    source = str(Path(tuning.__path__[0]).parent)
    environment = {**_ENVIRONMENT, "PATH": os.defpath, "PYTHONPATH": source}
    return subprocess.Popen(command, stdin=stream, stdout=subprocess.PIPE, stderr=said, cwd=os.sep, env=environment)


def _finding(status: int, said: bytes) -> Finding:
    if status == REFUSED:
        message, hint = json.loads(said)
        return Finding(("file",), message, hint)
    return Finding(("file",), f"the Parquet file cannot be read: its reader ended with {status}", _HINT)
