"""packtrain/schema.py: the types of the API's requests and answers, written from its OpenAPI document. `make types`.

A test (tests/container/test_client_types.py) holds the file equal to what is written here.
"""

import keyword
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

FILE = Path(__file__).parents[1] / "packtrain" / "schema.py"
HEAD = '''"""The API's JSON as types: every value is what the server sends.

Durations are in seconds, sizes in bytes, times in UTC (ISO 8601).
Written by `make types` from the OpenAPI document of the server.
"""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict
'''
NAMES = {
    "ModelJson": "Model",
    "ArtifactInfo": "Artifact",
    "AuditJson": "AuditEntry",
    "CheckpointInfo": "Checkpoint",
    "ClusterJson": "Cluster",
    "DatasetInfo": "Dataset",
    "DeliveryInfo": "Delivery",
    "JobAttempt": "Attempt",
    "JobJson": "Job",
    "JobRequest": "JobFields",
    "MemberJson": "Member",
    "LimitJson": "Limit",
    "NodeJson": "Node",
    "PartitionJson": "Partition",
    "RecipeInfo": "Recipe",
    "RetryRequest": "RetryFields",
    "ReportAnswer": "DatasetReport",
    "SecretInfo": "Secret",
    "SessionInfo": "Session",
    "SickNodeJson": "SickNode",
    "TeamJson": "Team",
    "TokenInfo": "Token",
    "TroubleJson": "Trouble",
    "UserJson": "User",
    "UploadInfo": "DatasetUpload",
    "UploadPartInfo": "DatasetUploadPart",
    "UsageJson": "UsageReport",
    "WebhookInfo": "Webhook",
}
"""Where the server's name for a schema is not what a user of the client would look for."""
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", None: "Any"}
HIDDEN = frozenset({"Health", "Readiness", "SecretValue", "Sort", "Version"})
_PAGE = re.compile(r"Page_(\w+)_")
_REF = "#/components/schemas/"
_WIDTH = 120

Schema = Mapping[str, Any]


def render(document: Schema) -> str:
    """The module for an OpenAPI document. Raises KeyError for a schema that it has no type for."""
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    named = sorted((_name(name), schema) for name, schema in schemas.items() if name not in HIDDEN)
    aliases = [line for name, schema in named if "enum" in schema for line in _alias(name, schema)]
    classes = [line for name, schema in named if "enum" not in schema for line in ("", "", *_class(name, schema))]
    return "\n".join([HEAD, *aliases, *classes]) + "\n"


def document() -> Schema:
    """The OpenAPI document of this checkout's server."""
    from server.main import create_app  # noqa: PLC0415 - the pure part is tested without a server
    from tuning.settings import Settings  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        values: dict[str, Any] = {"database_url": f"sqlite:///{folder}/none.db", "data_dir": folder, "secrets_key": "-"}
        return create_app(Settings(**values), {}).openapi()


def _name(name: str) -> str:
    if page := _PAGE.fullmatch(name):
        return f"{NAMES.get(page[1], page[1])}Page"
    return NAMES.get(name, name)


def _alias(name: str, schema: Schema) -> Iterator[str]:
    yield f"{name} = {_literal(schema['enum'])}"
    if schema.get("description"):
        yield from _docstring(schema["description"], "")


def _class(name: str, schema: Schema) -> Iterator[str]:
    required = frozenset(schema.get("required", ()))
    is_sent = name.endswith(("Fields", "Change", "Request", "Cancellation", "Resources", "Continuation"))
    total = ", total=False" if is_sent and not required else ""
    kinds = {
        field: kind if field in required or total else f"NotRequired[{kind}]"
        for field, kind in ((field, _type(its)) for field, its in schema["properties"].items())
    }
    words = {field: kind for field, kind in kinds.items() if keyword.iskeyword(field)}
    if words:  # none of them can be the name of a field in a class's own text
        fields = ", ".join(f'"{word}": {kind}' for word, kind in words.items())
        yield from (f'_{name} = TypedDict("_{name}", {{{fields}}}{total})', "", "")
    yield f"class {name}({f'_{name}' if words else 'TypedDict'}{total}):"
    yield from _docstring(schema.get("description") or f"{name} of the API.", "    ")
    yield ""
    for field, its in schema["properties"].items():
        if field in words:
            continue
        yield f"    {field}: {kinds[field]}"
        if its.get("description"):
            yield from _docstring(its["description"], "    ")


def _docstring(text: str, indent: str) -> Sequence[str]:
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    if len(paragraphs) == 1 and len(indent) + len(paragraphs[0]) + 6 <= _WIDTH:
        return [f'{indent}"""{paragraphs[0]}"""']
    lines = [line for part in paragraphs for line in ("", *wrap(part, _WIDTH - len(indent) - 3))][1:]
    return [f'{indent}"""{lines[0]}', *(f"{indent}{line}".rstrip() for line in lines[1:]), f'{indent}"""']


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return f'"{_name(schema["$ref"].removeprefix(_REF))}"'
    if "anyOf" in schema:
        return _union([_type(option) for option in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return _literal(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "array":
            return f"list[{_type(schema['items'])}]"
        case "object":
            return f"dict[str, {_values(schema)}]"
    return PLAIN[schema.get("type")]


def _values(schema: Schema) -> str:
    inner = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), True)
    return _type(inner) if isinstance(inner, Mapping) else "Any"


def _union(options: Sequence[str]) -> str:
    """A quoted name in a union is quoted as a whole: Python 3.10 has no `|` for a text."""
    text = " | ".join(dict.fromkeys(options))
    return f'"{text.replace(chr(34), "")}"' if '"' in text and "Literal" not in text else text


def _literal(values: Sequence[Any]) -> str:
    return f"Literal[{', '.join(map(_quoted, values))}]"


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def formatted(text: str) -> str:
    """The module as `make check` wants it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Write the file."""
    FILE.write_text(formatted(render(document())), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
