"""Rules, model families, sizes and chat templates beside the LLaMA-Factory in the training image."""
