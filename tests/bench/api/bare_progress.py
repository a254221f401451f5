"""The least that GET progress could be: a FastAPI endpoint that answers the same bytes from memory, whoever asks.

`python -m tests.bench.api.bare_progress FILE PORT`; the bytes are the file's.
"""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response


def main() -> None:
    """Serve until SIGTERM, with the settings of `python -m server`."""
    body, app = Path(sys.argv[1]).read_bytes(), FastAPI()

    @app.get("/api/v1/jobs/{job_id}/progress")
    async def progress(job_id: str) -> Response:
        return Response(body, media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
