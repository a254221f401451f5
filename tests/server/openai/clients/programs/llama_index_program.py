"""llama-index's fine-tuning by OpenAI. Arguments: a file of chats, a base model, and the id of a job that ended.

Its package imports torch for embeddings: only the part for OpenAI is loaded, as it is.
"""

import sys
from importlib.util import find_spec
from types import ModuleType

PACKAGE = "llama_index.finetuning"


def main(chats: str, model: str, ended: str) -> None:
    """An upload and its job, and the model of a job that ended."""
    import_nothing_of(PACKAGE)
    from llama_index.finetuning.openai.base import OpenAIFinetuneEngine  # noqa: PLC0415

    engine = OpenAIFinetuneEngine(model, chats, verbose=True, validate_json=False)
    engine.finetune()
    job = engine.get_current_job()
    assert (job.model, job.status) in [(model, "queued"), (model, "validating_files")]
    finished = OpenAIFinetuneEngine(model, chats, start_job_id=ended)
    assert finished.get_finetuned_model().model == finished.get_current_job().fine_tuned_model


def import_nothing_of(package: str) -> None:
    """Have a package without what its `__init__` imports; its modules can be imported by their names."""
    spec = find_spec(package)
    assert spec is not None
    bare = ModuleType(package)
    bare.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[package] = bare


main(*sys.argv[1:])
