"""The front door: where things are, for programs and for people."""

from fastapi import FastAPI
from starlette.testclient import TestClient


def test_the_front_door_says_where_things_are(anonymous: TestClient) -> None:
    answer = anonymous.get("/").json()
    assert answer["name"] == "packtrain"
    for name, path in answer["links"].items():
        assert (name == "api") or anonymous.get(path).status_code == 200, path


def test_the_version_is_the_documents(anonymous: TestClient, app: FastAPI) -> None:
    assert anonymous.get("/version").json() == {"name": "packtrain", "version": app.version, "api": "v1"}
