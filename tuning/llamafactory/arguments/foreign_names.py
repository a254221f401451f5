"""Names of arguments in other libraries (peft, transformers, trl, launchers), and what to write in their place."""

from collections.abc import Mapping

RENAMED: Mapping[str, str] = {
    "target_modules": "lora_target", "lora_target_modules": "lora_target", "r": "lora_rank", "lora_r": "lora_rank",
    "modules_to_save": "additional_target", "lora_modules_to_save": "additional_target",
    "bnb_4bit_use_double_quant": "double_quantization", "bnb_4bit_quant_type": "quantization_type",
    "max_seq_length": "cutoff_len", "max_seq_len": "cutoff_len", "model_max_length": "cutoff_len",
    "max_source_length": "cutoff_len", "max_prompt_length": "cutoff_len", "sequence_len": "cutoff_len",
    "block_size": "cutoff_len",
    "model_name": "model_name_or_path", "base_model": "model_name_or_path", "model_id": "model_name_or_path",
    "batch_size": "per_device_train_batch_size", "micro_batch_size": "per_device_train_batch_size",
    "per_device_batch_size": "per_device_train_batch_size", "eval_batch_size": "per_device_eval_batch_size",
    "epochs": "num_train_epochs", "num_epochs": "num_train_epochs", "lr": "learning_rate",
    "dataset_name": "dataset", "val_set_size": "val_size", "train_on_inputs": "train_on_prompt",
    "beta": "pref_beta", "loss_type": "pref_loss", "deepspeed_config": "deepspeed", "chat_template": "template",
    "num_proc": "preprocessing_num_workers", "dataset_num_proc": "preprocessing_num_workers",
}  # fmt: skip

_GPUS = "it is the launcher's: say resources.gpus_per_node (--gpus)"
_NODES = "it is the launcher's: say resources.nodes (--nodes)"
_LORA = "write finetuning_type: lora"
_DTYPE = "write bf16: true or fp16: true (infer_dtype where nothing is trained)"
_FLASH = "write flash_attn: fa2, sdpa, disabled or auto"
_FILE = "upload the file with `packtrain datasets upload`, and name it in `datasets` (--data)"
_EXPLAINED: Mapping[str, str] = {
    "load_in_4bit": "write quantization_bit: 4", "load_in_8bit": "write quantization_bit: 8",
    "bnb_4bit_compute_dtype": "leave it out: with quantization_bit it is that of bf16 or fp16",
    "attn_implementation": _FLASH, "use_flash_attention_2": _FLASH, "use_flash_attention": _FLASH,
    "torch_dtype": _DTYPE, "dtype": _DTYPE,
    "nproc_per_node": _GPUS, "num_processes": _GPUS, "num_gpus": _GPUS, "n_gpu": _GPUS, "gpus": _GPUS,
    "nnodes": _NODES, "num_nodes": _NODES, "num_machines": _NODES,
    "device_map": "leave it out: each process has a GPU; deepspeed: zero3 shards a model that is too large for it",
    "use_lora": _LORA, "use_peft": _LORA, "peft_type": _LORA, "task_type": "leave it out: stage says it",
    "init_lora_weights": "leave it out, or write pissa_init: true for PiSSA",
    "tokenizer_name": "leave it out: the tokenizer is the model's",
    "tokenizer_name_or_path": "leave it out: the tokenizer is the model's",
    "data_path": _FILE, "data_files": _FILE, "train_file": _FILE, "dataset_path": _FILE, "validation_file": _FILE,
    "wandb_project": "write report_to: wandb, and run_name",
}  # fmt: skip


def meant_by(name: str) -> str | None:
    """A hint at what is written here for a name of another library's."""
    return f"it is called {RENAMED[name]} here" if name in RENAMED else _EXPLAINED.get(name)
