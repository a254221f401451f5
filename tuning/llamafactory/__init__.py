"""LLaMA-Factory as packtrain knows it: arguments, logs, results."""
