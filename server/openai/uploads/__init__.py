"""Uploads in parts of OpenAI's API."""
