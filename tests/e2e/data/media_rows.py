"""Runs in the training image: rows of data sets with media, as LLaMA-Factory's own loader and plugin take them.

The folder /data is a run's folder of data. On standard output, for each row: the paths of its images, whether all are
there, and what the plugin of a model that sees says of the marks.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # LLaMA-Factory logs to standard output

from llamafactory.data.loader import _load_single_dataset  # noqa: E402
from llamafactory.data.mm_plugin import get_mm_plugin  # noqa: E402
from llamafactory.data.parser import get_dataset_list  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments  # noqa: E402
from transformers import Seq2SeqTrainingArguments  # noqa: E402


def row_told(plugin: Any, row: dict[str, Any]) -> dict[str, Any]:
    """One row after the converter."""
    images = row["_images"] or []
    try:
        plugin._validate_messages(row["_prompt"] + row["_response"], images, row["_videos"] or [], row["_audios"] or [])
        said = None
    except ValueError as error:
        said = str(error)
    return {"images": images, "are_there": all(Path(path).is_file() for path in images), "said": said}


def main() -> None:
    names = sys.argv[1:]
    data = DataArguments(template="qwen2_vl", dataset=",".join(names), dataset_dir="/data", media_dir="/data")
    model = ModelArguments(model_name_or_path="none", cache_dir="/tmp/cache")
    training = Seq2SeqTrainingArguments(output_dir="/tmp/output", use_cpu=True)
    plugin = get_mm_plugin(name="qwen2_vl", image_token="<|image_pad|>", video_token="<|video_pad|>")
    found = [_load_single_dataset(attributes, model, data, training) for attributes in get_dataset_list(names, "/data")]
    json.dump([row_told(plugin, row) for rows in found for row in rows], OUT)


if __name__ == "__main__":
    main()
