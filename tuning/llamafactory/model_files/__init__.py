"""What a model's own files say: its tensors, its config.json, its tokenizer. Texts in, values out."""
