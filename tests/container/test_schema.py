import json

from container.schema import FOLDER, as_text


def test_a_schema_is_written_with_a_line_for_each_argument() -> None:
    for file in FOLDER.glob("*.json"):
        schema = json.loads(file.read_text())
        assert as_text(schema) == file.read_text()
        assert as_text(schema).count("\n") == len(schema["arguments"]) + len(schema) + 3
