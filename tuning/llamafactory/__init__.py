"""What packtrain knows of LLaMA-Factory: arguments, logs, results."""
