"""Rules about the method: adapters, quantization, ways of LoRA, optimizers that come with a method."""

from tuning.llamafactory.rules.rule import ALL, EXPORTS, TRAINS, Rule, Run, names

_ON_THE_FLY = ("bnb", "hqq", "eetq")


def _is_not_lora(a: Run) -> bool:
    return bool(a["finetuning_type"] != "lora")


def _quantizes(a: Run, method: str) -> bool:
    return a["quantization_bit"] is not None and bool(a["quantization_method"] == method)


def _has_adapters(a: Run) -> bool:
    return len(names(a["adapter_name_or_path"])) > 1


def _way_of_lora(argument: str) -> Rule:
    return Rule(
        argument,
        lambda a: a[argument] not in (None, False) and _is_not_lora(a),
        f"{argument} is a way of LoRA",
        f"set finetuning_type: lora, or remove {argument}",
        "arguments",
        kinds=ALL,
    )


def _not_with_lora(argument: str) -> Rule:
    return Rule(
        argument,
        lambda a: a[argument] and a["finetuning_type"] == "lora",
        f"{argument} does not go with LoRA",
        f"set finetuning_type: full, or remove {argument}",
        "arguments",
        kinds=ALL,
    )


def _wants_optimizer(name: str, *optimizers: str) -> Rule:
    """transformers' own default, adamw_torch_fused, is none of them."""
    return Rule(
        "optim",
        lambda a: a[f"use_{name}"] and a["optim"] not in optimizers,
        f"{name} takes the place of another optimizer, and not of this one",
        f"set optim: {' or '.join(optimizers)}",
        "train/trainer_utils.py",
        stricter=True,
        kinds=TRAINS,
    )


def _without_accumulation(name: str) -> Rule:
    return Rule(
        f"{name}_layerwise",
        lambda a: a[f"use_{name}"] and a[f"{name}_layerwise"] and a["gradient_accumulation_steps"] != 1,
        "layer by layer there is no accumulation of gradients",
        "set gradient_accumulation_steps: 1",
        "train/trainer_utils.py",
        stricter=True,
        kinds=TRAINS,
    )


METHOD: tuple[Rule, ...] = (
    Rule(
        "adapter_name_or_path",
        lambda a: a["adapter_name_or_path"] is not None and _is_not_lora(a),
        "an adapter goes with finetuning_type: lora only",
        "set finetuning_type: lora, or merge the adapter into the model first",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "lora_rank",
        lambda a: a["finetuning_type"] == "lora" and a["lora_rank"] < 1,
        "lora_rank must be 1 or more",
        "8 is the default, 16 and 64 are usual",
        "peft",
        stricter=True,
    ),
    Rule(
        "lora_dropout",
        lambda a: not 0 <= a["lora_dropout"] < 1,
        "lora_dropout is a share from 0 to below 1: at 1 nothing is learned",
        "0 is the default, 0.05 is usual",
        "packtrain",
        stricter=True,
    ),
    Rule(
        "oft_block_size",
        lambda a: a["finetuning_type"] == "oft" and (a["oft_rank"] == 0) == (a["oft_block_size"] == 0),
        "OFT takes either oft_rank or oft_block_size, and the other must be 0",
        "for a rank set oft_block_size: 0 beside it",
        "peft",
        stricter=True,
    ),
    # Quantization.
    Rule(
        "quantization_bit",
        lambda a: a["quantization_bit"] is not None and a["finetuning_type"] not in ("lora", "oft"),
        "a quantized model goes with LoRA or OFT only",
        "set finetuning_type: lora, or remove quantization_bit",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: _quantizes(a, "bnb") and a["quantization_bit"] not in (4, 8),
        "bitsandbytes quantizes to 4 or 8 bits",
        "set quantization_bit: 4 (QLoRA) or 8",
        "model/model_utils/quantization.py",
        stricter=True,
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: _quantizes(a, "hqq") and a["quantization_bit"] not in (1, 2, 3, 4, 5, 6, 8),
        "HQQ quantizes to 1, 2, 3, 4, 5, 6 or 8 bits",
        "set quantization_bit: 4",
        "model/model_utils/quantization.py",
        stricter=True,
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: _quantizes(a, "eetq") and a["quantization_bit"] != 8,
        "EETQ quantizes to 8 bits",
        "set quantization_bit: 8",
        "model/model_utils/quantization.py",
        stricter=True,
        kinds=ALL,
    ),
    Rule(
        "quantization_method",
        lambda a: a["quantization_bit"] is not None and a["quantization_method"] not in _ON_THE_FLY,
        "this method quantizes nothing while loading: the model is taken as it is",
        "set quantization_method: bnb for QLoRA; a model that is already quantized needs no quantization_bit",
        "model/model_utils/quantization.py",
        "warning",
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: (
            a.shards_weights
            and (_quantizes(a, "hqq") or _quantizes(a, "eetq") or (_quantizes(a, "bnb") and a["quantization_bit"] == 8))
        ),
        "ZeRO-3 and FSDP can shard weights of 4 bits by bitsandbytes only",
        "set quantization_bit: 4 with quantization_method: bnb, or use ZeRO-2",
        "model/model_utils/quantization.py",
        stricter=True,
    ),
    Rule(
        "quantization_device_map",
        lambda a: a["quantization_device_map"] == "auto",
        "quantization_device_map: auto is for inference",
        "remove it",
        "parser",
        kinds=TRAINS,
    ),
    Rule(
        "quantization_bit",
        lambda a: a["quantization_bit"] is not None and a["resize_vocab"],
        "the embeddings of a quantized model cannot be resized",
        "remove resize_vocab or quantization_bit",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: (
            a["quantization_bit"] is not None and a["adapter_name_or_path"] is not None and a["create_new_adapter"]
        ),
        "a new adapter upon an old one needs the old one merged, which a quantized model cannot",
        "remove create_new_adapter to train the adapter on, or merge it first (kind export)",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "quantization_bit",
        lambda a: a["quantization_bit"] is not None and _has_adapters(a),
        "a quantized model takes one adapter",
        "merge the adapters first (kind export)",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "fp8",
        lambda a: a["fp8"] and a["quantization_bit"] is not None,
        "fp8 and quantization_bit exclude each other",
        "remove one of them",
        "parser",
    ),
    # Ways of LoRA.
    *(_way_of_lora(argument) for argument in ("use_dora", "use_rslora", "pissa_init", "loraplus_lr_ratio")),
    Rule(
        "use_dora",
        lambda a: a["use_dora"] and (_quantizes(a, "hqq") or _quantizes(a, "eetq")),
        "DoRA goes with bitsandbytes only among the quantizations",
        "set quantization_method: bnb, or remove use_dora",
        "model/adapter.py",
        stricter=True,
    ),
    Rule(
        "pissa_init",
        lambda a: a["pissa_init"] and a["quantization_bit"] is not None,
        "PiSSA cannot start from a quantized model",
        "remove pissa_init or quantization_bit",
        "parser",
        kinds=ALL,
    ),
    Rule(
        "pissa_init",
        lambda a: (
            a["pissa_init"]
            and (a["stage"] in ("ppo", "kto") or (a["stage"] == "dpo" and a["pref_loss"] not in ("orpo", "simpo")))
        ),
        "PiSSA changes the model below the adapter, which this stage needs unchanged as its reference",
        "remove pissa_init, or set pref_loss: orpo or simpo, which have no reference",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "pissa_init",
        lambda a: a["pissa_init"] and a.has_zero3,
        "PiSSA cannot start from weights that ZeRO-3 has sharded",
        "use ZeRO-2, or remove pissa_init",
        "parser",
    ),
    Rule(
        "use_llama_pro",
        lambda a: a["use_llama_pro"] and a["finetuning_type"] == "full",
        "use_llama_pro does not go with full fine-tuning",
        "set finetuning_type: freeze or lora",
        "arguments",
        kinds=ALL,
    ),
    # Optimizers that are methods of their own.
    *(_not_with_lora(argument) for argument in ("use_galore", "use_apollo", "use_badam")),
    Rule(
        "use_galore",
        lambda a: sum((a["use_galore"], a["use_apollo"], a["use_badam"])) > 1,
        "only one of GaLore, APOLLO and BAdam can be used",
        "keep one of them",
        "arguments",
        kinds=ALL,
    ),
    *(_without_accumulation(name) for name in ("galore", "apollo")),
    _wants_optimizer("galore", "adamw_torch", "adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit", "adafactor"),
    _wants_optimizer("apollo", "adamw_torch"),
    # Other parts of the model.
    Rule(
        "ref_model_quantization_bit",
        lambda a: a["ref_model_quantization_bit"] not in (None, 4, 8),
        "the reference model can be quantized to 4 or 8 bits",
        "set 4 or 8, or remove it",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "reward_model_quantization_bit",
        lambda a: a["reward_model_quantization_bit"] not in (None, 4, 8),
        "the reward model can be quantized to 4 or 8 bits",
        "set 4 or 8, or remove it",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "infer_backend",
        lambda a: a["infer_backend"] != "huggingface",
        "only infer_backend: huggingface trains and predicts",
        "remove infer_backend",
        "parser",
    ),
    Rule(
        "infer_backend",
        lambda a: a["infer_backend"] != "huggingface",
        "infer_backend has no part in an export",
        "remove it",
        "packtrain",
        kinds=EXPORTS,
        stricter=True,
    ),
    Rule(
        "flash_attn",
        lambda a: a["flash_attn"] == "fa3",
        "this LLaMA-Factory names FlashAttention 3 but cannot use it",
        "set flash_attn: fa2, or auto",
        "model/model_utils/attention.py",
        stricter=True,
        kinds=ALL,
    ),
    Rule(
        "use_unsloth",
        lambda a: a["use_unsloth"] and (a["finetuning_type"] == "oft" or _has_adapters(a)),
        "Unsloth takes one adapter, and no OFT",
        "remove use_unsloth, or merge the adapters first (kind export)",
        "model/adapter.py",
        stricter=True,
    ),
)
