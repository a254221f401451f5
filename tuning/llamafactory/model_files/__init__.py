"""Files of a model: its tensors, its config.json, its tokenizer. Texts in, values out."""
