"""Names of older LLaMA-Factory versions and of other programs, and what to write in their place."""

import re
from collections.abc import Mapping

REPLACED: Mapping[str, str] = {
    "evaluation_strategy": "it is called eval_strategy now",
    "group_by_length": "write train_sampling_strategy: group_by_length",
    "no_cuda": "write use_cpu: true",
    "save_safetensors": "leave it out: safetensors is what is written",
    "adafactor": "write optim: adafactor",
    "include_tokens_per_second": "leave it out: packtrain measures tokens a second",
    "per_gpu_train_batch_size": "it is called per_device_train_batch_size now",
    "per_gpu_eval_batch_size": "it is called per_device_eval_batch_size now",
    "push_to_hub_model_id": "leave it out: jobs do not publish models",
    "push_to_hub_organization": "leave it out: jobs do not publish models",
    "push_to_hub_token": "leave it out: jobs do not publish models",
    "train_mm_proj_only": "write freeze_vision_tower: true, freeze_language_model: true and "
    "freeze_multi_modal_projector: false",
    "dpo_beta": "it is called pref_beta now",
    "dpo_ftx": "it is called pref_ftx now",
    "dpo_loss": "it is called pref_loss now",
    "orpo_beta": "write pref_beta, with stage: dpo and pref_loss: orpo",
    "ppo_logger": "write report_to",
    "checkpoint_dir": "it is called adapter_name_or_path now",
    "visual_inputs": "leave it out: a multimodal template and a column `images` are enough now",
    "image_resolution": "write image_max_pixels: the square of it (512 becomes 262144)",
    "video_resolution": "write video_max_pixels: the square of it",
    "max_source_length": "write cutoff_len: the length of a whole sample in tokens",
    "max_target_length": "write cutoff_len: the length of a whole sample in tokens",
    "reserved_label_len": "write cutoff_len: the length of a whole sample in tokens",
    "sft_packing": "it is called packing now",
    "streaming_buffer": "it is called buffer_size now",
    "use_fast": "it is called use_fast_tokenizer now",
    "use_ntk": "write rope_scaling: dynamic",
    "disable_version_checking": "leave it out: the image's versions go together",
    "moe_aux_loss_coefficient": "it is called moe_aux_loss_coef now",
    "name_module_trainable": "it is called freeze_trainable_modules now",
    "num_layer_trainable": "it is called freeze_trainable_layers now",
    "task": "leave it out: `llamafactory-cli eval` and its arguments are gone; kind predict runs a test set",
    "task_dir": "leave it out: `llamafactory-cli eval` is gone; kind predict runs a test set",
    "n_shot": "leave it out: `llamafactory-cli eval` is gone; kind predict runs a test set",
    "lang": "leave it out: `llamafactory-cli eval` is gone; kind predict runs a test set",
    "wandb_project": "it is W&B's environment variable WANDB_PROJECT, not an argument: leave it out here",
    "wandb_api_key": "leave it out: keep it as a secret, WANDB_API_KEY",
}
"""By argument."""

STAGES: Mapping[str, str] = {
    "orpo": "write stage: dpo and pref_loss: orpo",
    "simpo": "write stage: dpo and pref_loss: simpo",
    "ipo": "write stage: dpo and pref_loss: ipo",
    "pretrain": "write stage: pt",
    "pretraining": "write stage: pt",
    "cpt": "write stage: pt",
    "reward": "write stage: rm",
    "sft-lora": "write stage: sft and finetuning_type: lora",
    "lora": "write stage: sft and finetuning_type: lora",
    "full": "write stage: sft and finetuning_type: full",
}
"""By what stands in `stage`."""

METHODS: Mapping[str, str] = {
    "nf4": "write quantization_method: bnb, quantization_bit: 4 and quantization_type: nf4",
}
"""By what stands in `quantization_method`."""

MEANT: Mapping[str, Mapping[str, str]] = {"stage": STAGES, "quantization_method": METHODS}
"""Hints for values that are no choice of an argument."""

_TEMPLATES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"qwen[-_ ]?[12](\.5)?([-_ ]?(chat|instruct|coder|math))?"), "qwen"),
    (re.compile(r"qwen[-_ ]?(chat|instruct|coder)"), "qwen"),
    (re.compile(r"qwen2(\.5|_5)[-_ ]?vl"), "qwen2_vl"),
    (re.compile(r"qwen2(\.5|_5)[-_ ]?omni"), "qwen2_omni"),
    (re.compile(r"(chatglm[-_ ]?4|glm[-_ ]?4[-_ ]?(chat|9b))"), "glm4"),
    (re.compile(r"(meta[-_ ]?)?llama[-_ ]?3([._][123])?([-_ ]?(chat|instruct))?"), "llama3"),
    (re.compile(r"(meta[-_ ]?)?llama[-_ ]?2([-_ ]?chat)"), "llama2"),
    (re.compile(r"(mistral|mixtral)[-_ ]?(7b)?[-_ ]?(chat|instruct|v0\.[123])"), "mistral"),
    (re.compile(r"mixtral"), "mistral"),
    (re.compile(r"gemma[-_ ]?1(\.1)?"), "gemma"),
    (re.compile(r"phi[-_ ]?3(\.5)?([-_ ]?mini)?"), "phi"),
    (re.compile(r"yi[-_ ]?1(\.5)?"), "yi"),
    (re.compile(r"deepseek[-_ ]?r1.*"), "deepseekr1"),
    (re.compile(r"deepseek[-_ ]?v?3.*"), "deepseek3"),
    (re.compile(r"(none|null|vanilla|raw)"), "empty"),
)


def template_of(name: str) -> str | None:
    """The template that people mean by another name: `qwen2.5` and `qwen1.5` use qwen's."""
    plain = name.strip().lower()[:60]
    return next((template for pattern, template in _TEMPLATES if pattern.fullmatch(plain)), None)
