"""Errors as answers of HTTP: problem documents, and OpenAI's envelope."""
