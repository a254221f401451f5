"""Write tuning/llamafactory/schemas/<version>.json from the parser in a training image: `python -m container.schema`.

Each LLaMA-Factory has a file of its own, so that a cluster's image can lag behind another's. Another version is read
from an image of it, or from its packages laid over ours:

  pip install --target DIR --no-deps llamafactory==0.9.4 transformers==4.57.1 tokenizers==0.22.1 \\
      huggingface_hub==0.36.0 accelerate==1.11.0 peft==0.17.1
  python -m container.schema --packages DIR
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from container import image as training_image
from container.image_program import run_program
from container.lab.namespace import Mount
from container.steps import StepError, say

PROGRAM = Path(__file__).with_name("parser_schema.py")
FOLDER = Path(__file__).parents[1] / "tuning" / "llamafactory" / "schemas"


def schema_of(image: Path, packages: Path | None = None) -> dict[str, Any]:
    """The schema of the LLaMA-Factory in an image, or in packages that are laid over it. Raises StepError."""
    if packages is None:
        return dict(json.loads(run_program(image, PROGRAM)))
    over = {"PYTHONPATH": "/packages", "DISABLE_VERSION_CHECK": "1"}
    printed = run_program(image, PROGRAM, mounts=[Mount(packages.resolve(), "/packages")], variables=over)
    return dict(json.loads(printed))


def as_text(schema: dict[str, Any]) -> str:
    """The file's text: a line for each argument, so that a new version's changes can be read."""
    head = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in schema.items() if key != "arguments"]
    rows = [f"    {json.dumps(name)}: {json.dumps(entry)}" for name, entry in schema["arguments"].items()]
    return "\n".join(["{", *head, '  "arguments": {', ",\n".join(rows), "  }", "}"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m container.schema", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, help="an image (.sif) of another version; without it, ours")
    parser.add_argument("--packages", type=Path, help="a folder of packages of another version, laid over the image's")
    options = parser.parse_args()
    try:
        schema = schema_of(options.image or training_image.build("cpu"), options.packages)
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    file = FOLDER / f"{schema['llamafactory']}.json"
    file.write_text(as_text(schema), encoding="utf-8")
    say(f"{file.name}: {len(schema['arguments'])} arguments, {len(schema['templates'])} templates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
