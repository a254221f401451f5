"""Rules about the data, and how it is cut up and masked."""

import math
from collections.abc import Mapping
from typing import Any

from tuning.llamafactory.config.media import reads_media
from tuning.llamafactory.rules.rule import ALL, RUNS, TRAINS, Rule, Run, names


def _evaluates(a: Run) -> bool:
    return bool(a["do_eval"] or a["do_predict"] or a["predict_with_generate"] or a["eval_strategy"] != "no")


def _probabilities(a: Run) -> list[float] | None:
    try:
        return [float(part) for part in (a["interleave_probs"] or "").split(",")]
    except ValueError:
        return None


def _wants_pairs(a: Run) -> bool:
    return a["stage"] in ("rm", "dpo")


def _columns(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return entry.get("columns") or {}


def _ignores_media(a: Run) -> bool:
    known = a.templates_with_media
    return a["stage"] != "pt" and a["template"] is not None and known is not None and a["template"] not in known


def _is_plain_text(entry: Mapping[str, Any]) -> bool:
    """With columns, what they do not name is not read; without any, LLaMA-Factory takes `output` as the answer."""
    is_alpaca = entry.get("formatting", "alpaca") == "alpaca"
    columns = _columns(entry)
    return is_alpaca and bool(columns) and not entry.get("ranking") and not columns.keys() & {"response", "kto_tag"}


DATA: tuple[Rule, ...] = (
    Rule(
        "val_size",
        lambda a: a["eval_dataset"] is not None and a["val_size"] > 1e-6,
        "val_size and eval_dataset exclude each other",
        "keep one of them",
        "arguments",
    ),
    Rule(
        "val_size",
        lambda a: a["dataset"] is None and a["eval_dataset"] is None and a["val_size"] > 1e-6,
        "val_size cuts a part off `dataset`, and there is none",
        "remove val_size",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "val_size",
        lambda a: a["val_size"] == 1 and not a["streaming"],
        "val_size: 1 is read as all of the data, which leaves none to train on",
        "below 1 it is a share (0.1), above 1 a number of samples (100)",
        "data/data_utils.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "eval_strategy",
        lambda a: _evaluates(a) and a["eval_dataset"] is None and a["val_size"] < 1e-6,
        "there is nothing to evaluate on",
        "set val_size (0.1 keeps a tenth of the data for it) or eval_dataset, or set eval_strategy: 'no'",
        "parser",
        kinds=TRAINS,
    ),
    Rule(
        "max_samples",
        lambda a: a["max_samples"] is not None and a["max_samples"] < 1,
        "max_samples below 1 leaves no sample",
        "leave it out to use all samples (-1 does not mean all)",
        "data/loader.py",
        stricter=True,
    ),
    Rule(
        "cutoff_len",
        lambda a: a["cutoff_len"] < 2,
        "cutoff_len is the greatest length of a sample in tokens, and no sample is as short",
        "set it to 1024 or 2048, or leave it out",
        "data/processor",
        stricter=True,
    ),
    Rule(
        "max_length",
        lambda a: a["max_length"] not in (None, 1024) and not a["predict_with_generate"],
        "max_length is how long an answer may get that is generated, and cuts no sample of a training",
        "write cutoff_len for the greatest length of a sample",
        "packtrain",
        "warning",
        kinds=TRAINS,
        stricter=True,
    ),
    Rule(
        "max_steps",
        lambda a: a["streaming"] and a["max_steps"] <= 0,
        "streaming needs max_steps",
        "set max_steps: a streamed data set has no known length",
        "parser",
    ),
    Rule(
        "val_size",
        lambda a: a["streaming"] and 1e-6 < a["val_size"] < 1,
        "streaming needs val_size as a number of samples",
        "give a whole number, such as 100",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "max_samples",
        lambda a: a["streaming"] and a["max_samples"] is not None,
        "max_samples and streaming exclude each other",
        "remove one of them",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "tokenized_path",
        lambda a: a["streaming"] and a["tokenized_path"] is not None,
        "streaming can read tokenized_path but not write it: the run fails if nothing is there yet",
        "tokenise once without streaming",
        "data/loader.py",
        "warning",
    ),
    Rule(
        "mask_history",
        lambda a: a["mask_history"] and a["train_on_prompt"],
        "mask_history and train_on_prompt exclude each other",
        "remove one of them",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "mask_history",
        lambda a: a.has_untrained_history and a["stage"] == "sft" and not a["mask_history"],
        "the data has answers of weight 0 before others, and without mask_history they are trained on",
        "set mask_history: true: then the last answer of each row, and no other, is trained on",
        "packtrain",
        kinds=TRAINS,
        stricter=True,
    ),
    Rule(
        "template",
        lambda a: a.has_untrained_history and a["mask_history"] and a["template"] in a.templates_ending_once,
        "this template trains on the end of each answer, with mask_history too: the token behind those of weight 0",
        "nothing else of them is trained on; a row of two answers has no such token",
        "data/processor/supervised.py",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "interleave_probs",
        lambda a: a["interleave_probs"] is not None and a["mix_strategy"] == "concat",
        "interleave_probs needs a mix_strategy that interleaves",
        "set mix_strategy: interleave_under",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "interleave_probs",
        lambda a: a["interleave_probs"] is not None and a["mix_strategy"] != "concat" and _probabilities(a) is None,
        "interleave_probs holds something that is no number",
        "give a number for each data set: 0.7,0.3",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "interleave_probs",
        lambda a: (
            (found := _probabilities(a)) is not None
            and a["interleave_probs"] is not None
            and a.is_counted
            and a["dataset"] is not None
            and len(found) != len(names(a["dataset"]))
        ),
        "interleave_probs needs as many numbers as there are data sets, uploaded ones included",
        "give a number for each data set, in their order",
        "arguments",
        kinds=TRAINS,
    ),
    Rule(
        "interleave_probs",
        lambda a: (
            a["eval_dataset"] is not None
            and a["interleave_probs"] is not None
            and (found := _probabilities(a)) is not None
            and a.is_counted
            and len(found) != len(names(a["eval_dataset"]))
        ),
        "interleave_probs needs as many numbers as eval_dataset has names",
        "give both lists the same length, or take the evaluation data from val_size",
        "arguments",
    ),
    Rule(
        "interleave_probs",
        lambda a: bool(
            (found := _probabilities(a)) and (min(found) < 0 or not math.isclose(sum(found), 1, abs_tol=1e-5))
        ),
        "interleave_probs are shares: none below 0, and together 1",
        "write for example 0.7,0.3",
        "datasets, interleave_datasets",
        stricter=True,
    ),
    Rule(
        "neat_packing",
        lambda a: a["neat_packing"] and a["packing"] is False,
        "neat_packing is a way of packing: packing: false has no effect",
        "remove one of them",
        "arguments",
        "warning",
    ),
    Rule(
        "packing",
        lambda a: a["packing"] and a["stage"] not in ("pt", "sft"),
        "packing has no effect in this stage",
        "remove it: only pt and sft pack samples",
        "data/loader.py",
        "warning",
    ),
    Rule(
        "train_on_prompt",
        lambda a: a["train_on_prompt"] and a["template"] in a.templates_ending_once,
        "this template cannot train on prompts: it ends a whole conversation once, not each turn",
        "remove train_on_prompt",
        "data/template.py",
        stricter=True,
        kinds=RUNS,
    ),
    Rule(
        "template",
        lambda a: not a["template"] and a["stage"] != "pt",
        "no template: it is guessed from the tokenizer, and without a chat template there nothing marks the turns",
        "set the template of the model's family, such as llama3, qwen or phi",
        "data/template.py",
        "warning",
    ),
    # What the data sets say of themselves.
    Rule(
        "stage",
        lambda a: _wants_pairs(a) and any(not entry.get("ranking") for entry in a.entries),
        "this stage compares two answers, and the data has none to compare: `ranking` is not set",
        "use data with chosen and rejected answers, or stage: sft",
        "data/loader.py",
        stricter=True,
    ),
    Rule(
        "stage",
        lambda a: not _wants_pairs(a) and any(entry.get("ranking") for entry in a.entries),
        "the data has two answers to compare (`ranking`), which this stage does not take",
        "set stage: dpo (also for orpo and simpo, by pref_loss) or stage: rm",
        "data/loader.py",
        stricter=True,
    ),
    Rule(
        "stage",
        lambda a: a["stage"] == "kto" and any(not _columns(entry).get("kto_tag") for entry in a.entries),
        "stage kto needs answers that are marked good or bad: no column is mapped to kto_tag",
        "map the column of true and false to kto_tag, or use stage: sft",
        "data/processor/feedback.py",
        stricter=True,
    ),
    Rule(
        "stage",
        lambda a: a["stage"] == "sft" and any(_columns(entry).get("kto_tag") for entry in a.entries),
        "the data marks answers as good or bad (kto_tag), and stage sft drops every such sample",
        "set stage: kto, or use data without the mark",
        "data/processor/supervised.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "stage",
        lambda a: a["stage"] in ("sft", "kto") and any(_is_plain_text(entry) for entry in a.entries),
        "the data has no answers, and this stage drops every such sample",
        "set stage: pt for plain text, predict on questions (--recipe predict), or map a column to response",
        "data/converter.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "stage",
        lambda a: a["stage"] == "pt" and any(not _is_plain_text(entry) for entry in a.entries),
        "pre-training reads the first text of a sample only: answers are left out",
        "use plain text, or stage: sft to learn the answers",
        "data/processor/pretrain.py",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "dataset",
        lambda a: any(entry.get("formatting") == "openai" for entry in a.entries),
        "formatting: openai puts a system prompt of its own ('detailed thinking off') into every sample without one",
        "register it as sharegpt with columns and tags, or upload it: packtrain stores messages as sharegpt",
        "data/converter.py",
        "warning",
    ),
    # Pictures and films.
    Rule(
        "template",
        lambda a: _ignores_media(a) and any(reads_media(entry) for entry in a.entries),
        "the data names images, videos or audios, and this template reads none: the run ends at the first of them",
        "set the template of a model that sees or hears, such as qwen2_vl, or use data without them",
        "data/mm_plugin.py",
        stricter=True,
    ),
    Rule(
        "image_max_pixels",
        lambda a: a["image_max_pixels"] < a["image_min_pixels"],
        "image_max_pixels is below image_min_pixels",
        "swap them",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "video_max_pixels",
        lambda a: a["video_max_pixels"] < a["video_min_pixels"],
        "video_max_pixels is below video_min_pixels",
        "swap them",
        "arguments",
        kinds=ALL,
    ),
)
