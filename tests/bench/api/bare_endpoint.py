"""The least that POST /jobs could be: a FastAPI endpoint that takes a body, inserts the rows of a job and answers.

`python -m tests.bench.api.bare_endpoint DATABASE_URL PORT`; the rows come from `bare_insert`.
"""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from tests.bench.api.bare_insert import BareInsert
from tuning.db.engine import open_engine


def main() -> None:
    """Serve until SIGTERM, with the settings of `python -m server`."""
    engine = open_engine(sys.argv[1])
    bare, app = BareInsert.like_the_newest_job(engine), FastAPI()

    @app.post("/jobs", status_code=201)
    def create(body: dict[str, Any]) -> dict[str, Any]:
        return {"id": bare.insert(), **body}

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
