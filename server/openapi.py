"""The OpenAPI document: what FastAPI cannot know of our answers is added to every operation."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from server.dependencies import API
from server.document.descriptions import PARAMETERS, description_of
from server.document.examples import EXAMPLES
from server.http.bounds.rate_headers import HEADERS as RATE_HEADERS
from server.http.errors.problems import MEDIA_TYPE, Problem, responses
from server.http.request_ids import REQUEST_ID, SANE_ID
from server.scopes import needed_scope

_METHODS = frozenset({"get", "head", "put", "post", "delete", "patch"})
_CHANGING = frozenset({"put", "post", "delete", "patch"})
_JSON = "application/json"
_TEXT, _WHOLE_NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}
_ID_SENT = {
    "name": REQUEST_ID,
    "in": "header",
    "required": False,
    "description": "An id of your own for this request; the answer and the server's log repeat it.",
    "schema": {"type": "string", "pattern": f"^{SANE_ID}$"},
}
_ID_ANSWERED = {"description": "The id of this request: name it to the operator.", "schema": _TEXT}
_RETRY_AFTER = {"description": "Seconds after which to ask again.", "schema": _WHOLE_NUMBER}
_ETAG = {"description": "Of this answer, for `If-None-Match`.", "schema": _TEXT}
_CHALLENGE = {"description": "`Bearer`: the kind of token that is wanted.", "schema": _TEXT}
_RATE = {name: {"description": text, "schema": schema} for name, (text, schema) in RATE_HEADERS.items()}
_NOT_NOW = ("429", "503")
_PROBLEM_EXAMPLE = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "code": "invalid",
    "detail": "there is no field confg",
    "errors": [{"loc": ["body", "confg"], "message": "there is no field confg", "hint": "did you mean config?"}],
}


def describe(app: FastAPI) -> None:
    """Make the document state the error answers that every route may give; routes state their own (403, 404, 409)."""
    generate = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation), of all."""
    for path, methods in schema["paths"].items():
        for method in sorted(_METHODS & methods.keys()):
            yield path, method, methods[method]


def _complete(schema: dict[str, Any]) -> None:
    schemas = schema["components"].setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    problem = Problem.model_json_schema(ref_template=template)
    schemas |= problem.pop("$defs") | {"Problem": {**problem, "examples": [_PROBLEM_EXAMPLE]}}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, method, operation in operations(schema):
        if operation.get("security"):
            _tell_scope(operation, method, path)
        _complete_operation(operation)
        _tell_headers(operation, method)
        if operation.get("security"):
            _tell_rate(operation)
        _give_example(operation)
        _describe_parameters(operation)
    for name, its in schemas.items():
        _describe_fields(name, its)


def _tell_scope(operation: dict[str, Any], method: str, path: str) -> None:
    """In OpenAPI's own place: the roles that a security requirement names."""
    scope = needed_scope(method.upper(), path.removeprefix(API))
    operation["security"] = [{scheme: [scope.value] for scheme in way} for way in operation["security"]]


def _complete_operation(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    statuses = [500]
    if operation.get("security"):
        statuses += [401, 403, 414, 429, 503]
    if operation.get("parameters") or operation.get("requestBody"):
        statuses.append(422)
    if operation.get("requestBody"):
        statuses += [400, 408, 413, 415]
    for status, answer in responses(*statuses).items():
        answers.setdefault(str(status), answer)
    for status, answer in answers.items():
        # FastAPI puts the type of the route's own answer beside ours
        if int(status) >= 400 and MEDIA_TYPE in answer.get("content", {}):
            answer["content"] = {MEDIA_TYPE: answer["content"][MEDIA_TYPE]}
    operation["responses"] = dict(sorted(answers.items()))


def _tell_headers(operation: dict[str, Any], method: str) -> None:
    """The headers of answers, and of requests that change something."""
    if method in _CHANGING:
        operation["parameters"] = [*operation.get("parameters", ()), _ID_SENT]
    is_named = "304" in operation["responses"]
    for status, answer in operation["responses"].items():
        headers = answer.setdefault("headers", {})
        headers[REQUEST_ID] = _ID_ANSWERED
        if status in _NOT_NOW:
            headers["Retry-After"] = _RETRY_AFTER
        if status == "401":
            headers["WWW-Authenticate"] = _CHALLENGE
        if is_named and status in ("200", "304"):
            headers["ETag"] = _ETAG


def _tell_rate(operation: dict[str, Any]) -> None:
    """The headers of whatever counts as a request of a person."""
    for status, answer in operation["responses"].items():
        if status.startswith("2") or status in ("304", "429"):
            answer["headers"] |= _RATE


def _give_example(operation: dict[str, Any]) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    example = EXAMPLES.get(operation["operationId"])
    if _JSON in content and example is not None:
        content[_JSON]["example"] = example


def _describe_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        said = parameter.get("description") or parameter["schema"].get("description")
        if said is None and parameter["name"] in PARAMETERS:
            parameter["description"] = PARAMETERS[parameter["name"]]


def _describe_fields(name: str, schema: dict[str, Any]) -> None:
    for field, its in schema.get("properties", {}).items():
        text = description_of(name, field)
        if "description" not in its and text is not None:
            its["description"] = text
