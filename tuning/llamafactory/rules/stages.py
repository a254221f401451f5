"""Rules about the stages: pre-training, supervised, reward model, preference (DPO, KTO), PPO."""

from tuning.llamafactory.rules.rule import ALL, TRAINS, Rule, names

_OF_PPO = frozenset({"wandb", "tensorboard", "trackio", "none"})


def _for_sft(argument: str) -> Rule:
    return Rule(
        argument,
        lambda a: a["stage"] != "sft" and a[argument],
        f"{argument} is for stage sft only",
        f"remove {argument}, or set stage: sft",
        "parser",
    )


def _not_with_lora_rewards(argument: str) -> Rule:
    return Rule(
        argument,
        lambda a: a["stage"] == "ppo" and a["reward_model_type"] == "lora" and a[argument],
        f"{argument} does not go with reward_model_type: lora",
        f"remove {argument}, or set reward_model_type: full",
        "parser",
    )


STAGES: tuple[Rule, ...] = (
    *(_for_sft(argument) for argument in ("predict_with_generate", "neat_packing", "train_on_prompt", "mask_history")),
    Rule(
        "load_best_model_at_end",
        lambda a: a["stage"] in ("rm", "ppo") and a["load_best_model_at_end"],
        "the stages rm and ppo cannot load the best model at the end",
        "remove load_best_model_at_end",
        "parser",
    ),
    Rule(
        "stage",
        lambda a: a["stage"] == "rm" and a["finetuning_type"] in ("full", "freeze"),
        "a reward model trained this way cannot go on from a checkpoint: a further attempt begins anew",
        "set finetuning_type: lora, or ask for time enough",
        "parser",
        "warning",
        kinds=TRAINS,
    ),
    # Preference.
    Rule(
        "dpo_label_smoothing",
        lambda a: a["stage"] == "dpo" and a["pref_loss"] != "sigmoid" and a["dpo_label_smoothing"] > 1e-6,
        "dpo_label_smoothing goes with pref_loss: sigmoid only",
        "remove one of them",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "pref_loss",
        lambda a: a["stage"] != "dpo" and a["pref_loss"] != "sigmoid",
        "pref_loss has no effect in this stage",
        "set stage: dpo, which orpo and simpo belong to",
        "train/dpo/trainer.py",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "pref_loss",
        lambda a: a["stage"] == "dpo" and a["pref_loss"] in ("ipo", "hinge", "kto_pair"),
        "this LLaMA-Factory trains the sigmoid loss whatever is asked for here: its TRL is not told",
        "set pref_loss: sigmoid, orpo or simpo",
        "train/dpo/trainer.py",
        "warning",
        kinds=TRAINS,
    ),
    Rule(
        "ref_model",
        lambda a: a["stage"] == "dpo" and a["pref_loss"] in ("orpo", "simpo") and a["ref_model"] is not None,
        "orpo and simpo use no reference model",
        "remove ref_model",
        "train/dpo/workflow.py",
        "warning",
        kinds=TRAINS,
    ),
    # PPO.
    Rule(
        "stage",
        lambda a: a["stage"] == "ppo",
        "stage ppo needs TRL 0.9.6 or older; the training image holds a newer one, so it fails once models are loaded",
        "use stage: dpo or kto",
        "train/ppo/trainer.py",
        stricter=True,
        kinds=TRAINS,
    ),
    Rule(
        "reward_model",
        lambda a: a["stage"] == "ppo" and a["reward_model"] is None,
        "stage ppo needs a reward_model",
        "train one with stage: rm and name it",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "reward_model_type",
        lambda a: a["stage"] == "ppo" and a["reward_model_type"] == "lora" and a["finetuning_type"] != "lora",
        "reward_model_type: lora goes with finetuning_type: lora only",
        "set reward_model_type: full",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "shift_attn",
        lambda a: a["stage"] == "ppo" and a["shift_attn"],
        "stage ppo does not go with shift_attn",
        "remove shift_attn",
        "parser",
    ),
    *(_not_with_lora_rewards(argument) for argument in ("use_kt", "use_unsloth")),
    Rule(
        "report_to",
        lambda a: a["stage"] == "ppo" and bool(set(names(a["report_to"])) - _OF_PPO),
        "stage ppo reports to wandb, tensorboard or trackio only",
        "set report_to: tensorboard, or none",
        "parser",
    ),
)
