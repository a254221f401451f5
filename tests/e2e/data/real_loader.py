"""Runs in the training image: what LLaMA-Factory's own loader makes of data files.

Reads a JSON list of cases from a file, prints one JSON object: by case the marks of the rows that it trains on, or the
error with which it ends. A row's mark is `#<number>#` in one of its texts. Imports take ten seconds, so one process
does all cases.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

MARK = re.compile(r"#\s?(\d+)\s?#")
RESULT = "RESULT:"
TOKEN_COLUMNS = ("input_ids", "chosen_input_ids")


def main() -> None:
    """Load every case of the file that is named first, with the tokenizer of the model that is named second."""
    cases = json.loads(Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        loader = _Loader(Path(folder), model=sys.argv[2])
        answers = {case["name"]: loader.load(**case) for case in cases}
    sys.stdout.write(f"{RESULT}{json.dumps(answers)}\n")


class _Loader:
    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model

    def load(self, name: str, file: str, entry: dict[str, Any], stage: str) -> dict[str, Any]:
        """{"rows": [...]} or {"error": ...}; every error counts, whatever its class."""
        (self._folder / "dataset_info.json").write_text(json.dumps({"data": {**entry, "file_name": file}}))
        try:
            return {"rows": self._rows(name, stage)}
        except Exception as error:  # noqa: BLE001
            return {"error": f"{type(error).__name__}: {error}"[:300]}

    def _rows(self, name: str, stage: str) -> list[int]:
        from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: PLC0415
        from llamafactory.hparams import get_train_args  # noqa: PLC0415
        from llamafactory.model import load_tokenizer  # noqa: PLC0415

        wanted = {
            "model_name_or_path": self._model,
            "template": "llama3",
            "stage": stage,
            "do_train": True,
            "finetuning_type": "lora",
            "dataset": "data",
            "dataset_dir": str(self._folder),
            "output_dir": str(self._folder / name),
            "cutoff_len": 4096,
            "packing": False,  # else rows of pre-training text are joined
            "report_to": "none",
        }
        model_args, data_args, training_args, finetuning_args, _ = get_train_args(wanted)
        tokenizer = load_tokenizer(model_args)["tokenizer"]
        template = get_template_and_fix_tokenizer(tokenizer, data_args)
        loaded_stage = "rm" if finetuning_args.stage == "dpo" else finetuning_args.stage
        module = get_dataset(template, model_args, data_args, training_args, stage=loaded_stage, tokenizer=tokenizer)
        (column,) = [column for column in TOKEN_COLUMNS if column in module["train_dataset"].column_names]
        texts = [tokenizer.decode(ids) for ids in module["train_dataset"][column]]
        return [int(mark[1]) if (mark := MARK.search(text)) else 0 for text in texts]


if __name__ == "__main__":
    main()
