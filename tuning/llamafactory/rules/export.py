"""Rules about exporting: merging an adapter, and quantizing the outcome."""

from tuning.llamafactory.rules.rule import ALL, EXPORTS, Rule

EXPORT: tuple[Rule, ...] = (
    Rule(
        "adapter_name_or_path",
        lambda a: a["adapter_name_or_path"] is None and a["export_quantization_bit"] is None,
        "there is no adapter: the model is written out as it is",
        "name the source job, or adapter_name_or_path",
        "packtrain",
        "warning",
        kinds=EXPORTS,
    ),
    Rule(
        "quantization_bit",
        lambda a: a["adapter_name_or_path"] is not None and a["quantization_bit"] is not None,
        "an adapter cannot be merged into a quantized model",
        "remove quantization_bit: the adapter of a QLoRA run is merged into the model as it was before",
        "train/tuner.py",
        kinds=EXPORTS,
        stricter=True,
    ),
    Rule(
        "export_quantization_bit",
        lambda a: a["export_quantization_bit"] is not None and a["export_quantization_dataset"] is None,
        "quantizing the export needs export_quantization_dataset",
        "give a JSON file of texts to calibrate with",
        "arguments",
        kinds=ALL,
    ),
    Rule(
        "export_quantization_bit",
        lambda a: a["adapter_name_or_path"] is not None and a["export_quantization_bit"] is not None,
        "an export either merges an adapter or quantizes",
        "merge first, then quantize the merged model in a job of its own",
        "train/tuner.py",
        kinds=EXPORTS,
        stricter=True,
    ),
    Rule(
        "export_quantization_bit",
        lambda a: a["export_quantization_bit"] not in (None, 2, 3, 4, 8),
        "GPTQ quantizes to 2, 3, 4 or 8 bits",
        "set export_quantization_bit: 4",
        "model/model_utils/quantization.py",
        kinds=EXPORTS,
        stricter=True,
    ),
    Rule(
        "export_size",
        lambda a: a["export_size"] < 1,
        "export_size is the size of a file in GB, at least 1",
        "leave it out for files of 5 GB",
        "transformers, save_pretrained",
        kinds=EXPORTS,
        stricter=True,
    ),
    Rule(
        "export_legacy_format",
        lambda a: a["export_legacy_format"] and a.transformers_major >= 5,
        "this transformers writes safetensors only: export_legacy_format has no effect",
        "remove it; what reads .bin files reads .safetensors too",
        "train/tuner.py",
        "warning",
        kinds=EXPORTS,
    ),
)
