"""Talking to models: chat and text completions, answered by served models."""
