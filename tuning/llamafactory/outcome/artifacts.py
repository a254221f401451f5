"""Descriptions of the files in a run's output folder, in a few words."""

import re
from typing import Literal, NamedTuple

ArtifactKind = Literal[
    "weights", "adapter", "config", "tokenizer", "results", "plot", "log", "state", "checkpoint", "document", "other"
]


class Description(NamedTuple):
    """A kind for programs and a sentence for people."""

    kind: ArtifactKind
    description: str


_FILES: tuple[tuple[str, ArtifactKind, str], ...] = (
    (r"README\.md", "document", "summary: base model, data sets, training options, final loss, library versions"),
    (r"adapter_config\.json", "config", "settings of the adapter (LoRA and its kin): rank, alpha, target modules"),
    (r"adapter_model\.(safetensors|bin)", "adapter", "trained weights of the adapter, to be used with its base model"),
    (r"(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)", "weights", "trained weights of the whole model"),
    (r"(model|pytorch_model)\.(safetensors|bin)\.index\.json", "weights", "which weight is in which file"),
    (r"config\.json", "config", "architecture of the model"),
    (r"generation_config\.json", "config", "defaults for generating text"),
    (r"(pre)?processor_config\.json|processor_config\.json", "config", "settings of the image or audio processor"),
    (r"all_results\.json", "results", "epoch, training and evaluation loss, and the time they took"),
    (r"train_results\.json", "results", "the training part of all_results.json"),
    (r"eval_results\.json", "results", "the evaluation part of all_results.json"),
    (r"predict_results\.json", "results", "BLEU and ROUGE of the generated texts"),
    (r"generated_predictions\.jsonl", "results", "generated texts with their prompts and references"),
    (r"special_tokens_map\.json", "tokenizer", "special tokens ([CLS], [SEP], [PAD] and the like)"),
    (r"added_tokens\.json", "tokenizer", "tokens added to the vocabulary"),
    (r"tokenizer\.json|tokenizer\.model|vocab\.json|merges\.txt", "tokenizer", "vocabulary and merge rules"),
    (r"tokenizer_config\.json", "tokenizer", "settings of the tokenizer"),
    (r"chat_template\.(jinja|json)", "tokenizer", "how a conversation is written for the model"),
    (r"trainer_log\.jsonl", "log", "loss, learning rate and time at every logged step, one JSON object a line"),
    (r"trainer_state\.json", "state", "state of the trainer: steps, history, settings"),
    (r"training_args\.bin", "state", "training arguments as a Python object (open only from a source you trust)"),
    (r"training_[\w-]+\.png", "plot", "plot of a value over the steps, as its name says"),
    (r"optimizer\.(pt|bin)", "state", "state of the optimizer"),
    (r"scheduler\.pt", "state", "state of the learning rate schedule"),
    (r"scaler\.pt", "state", "state of the loss scaling"),
    (r"rng_state(_\d+)?\.pth", "state", "state of the random numbers"),
    (r"running_log\.txt", "log", "messages of the run"),
    (r"latest|zero_to_fp32\.py", "state", "DeepSpeed's index of its checkpoint"),
)

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})(?:/(.*))?", re.DOTALL)


def describe(path: str) -> Description:
    """Description of the file at `path`, relative to the output folder."""
    if match := _CHECKPOINT.fullmatch(path):
        return _describe_checkpoint(int(match[1]), match[2])
    name = path.rpartition("/")[2]
    if name == "training_loss.png":
        return Description("plot", "plot of the training loss over the steps")
    if name == "training_eval_loss.png":
        return Description("plot", "plot of the evaluation loss over the steps")
    for pattern, kind, description in _FILES:
        if re.fullmatch(pattern, name):
            return Description(kind, description)
    return Description("other", "a file of the run")


def _describe_checkpoint(step: int, inner: str | None) -> Description:
    if not inner:
        return Description("checkpoint", f"the model as it was after step {step}, to go on from or to use")
    if re.match(r"global_step\d+/", inner):
        return Description("checkpoint", f"step {step}: DeepSpeed's share of the optimizer and the model")
    return Description("checkpoint", f"step {step}: {describe(inner).description}")
