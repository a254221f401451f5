"""The rows of a Parquet file as JSON lines: `python -m tuning.datasets.check.read.parquet_program <FILE`.

It bounds its own memory and time before it reads anything, and ends with who started it. Why it refuses a file, it says
on stderr as a JSON list of message and hint.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

REFUSED = 3
"""Its status when stderr says why."""

MAX_BYTES = 1024 * 1024 * 1024
"""Of address space; a plain file takes a fifth of it, most of that pyarrow itself."""

_FILE = "/dev/stdin"
_ROWS_AT_ONCE = 256
_MAX_CPU_SECONDS = 2 * 60 * 60
_BUFFER_BYTES = 1024 * 1024
_PR_SET_PDEATHSIG = 1


class RefusedParquet(Exception):
    """The Parquet file cannot be read, or holds a type or a value that JSON does not have."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def main() -> int:
    """Print the rows of the file that is stdin."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_SECONDS, _MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _print_rows()
    except RefusedParquet as error:
        sys.stderr.write(json.dumps([str(error), error.hint]))
        return REFUSED
    except MemoryError:
        hint = "write it with smaller row groups and pages, or send JSON lines"
        sys.stderr.write(json.dumps(["the Parquet file needs more than 1 GiB of memory at once", hint]))
        return REFUSED
    except RecursionError:
        sys.stderr.write(json.dumps(["the Parquet file is nested too deeply", "leave out what training does not read"]))
        return REFUSED
    except BrokenPipeError:
        os._exit(0)  # nobody wants more
    return 0


def _print_rows() -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    try:
        with pq.ParquetFile(_FILE, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            _refuse_other_types(file.schema_arrow, pa.types)
            for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
                for row in batch.to_pylist():
                    sys.stdout.buffer.write(encode(row).encode() + b"\n")
        sys.stdout.flush()
    except (pa.ArrowException, OSError, UnicodeError) as error:
        if isinstance(error, BrokenPipeError | MemoryError):
            raise
        raise RefusedParquet(f"the Parquet file cannot be read: {_one_line(error)}", "write it anew") from error
    except ValueError as error:
        raise RefusedParquet(f"a value that JSON does not have: {_one_line(error)}", "write null for it") from error


def _refuse_other_types(schema: Any, types: Any) -> None:
    for field in schema:
        if not _is_json(field.type, types):
            name, kind = ascii(field.name)[:60], ascii(str(field.type))[1:-1][:60]
            raise RefusedParquet(f"the column {name} is of the type {kind}", "write it as text, or leave it out")


def _is_json(kind: Any, types: Any) -> bool:
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_json(kind.value_type, types)
    if types.is_struct(kind):
        return all(_is_json(kind.field(number).type, types) for number in range(kind.num_fields))
    if types.is_dictionary(kind):
        return _is_json(kind.value_type, types)
    tests = (
        types.is_string,
        types.is_large_string,
        types.is_boolean,
        types.is_integer,
        types.is_floating,
        types.is_null,
    )
    return any(test(kind) for test in tests)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


if __name__ == "__main__":
    sys.exit(main())
