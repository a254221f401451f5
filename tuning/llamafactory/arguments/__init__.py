"""LLaMA-Factory's arguments: names, types, bounds, and which are packtrain's own."""
