"""The chat page: two models beside each other on one prompt, and held-out rows as prompts."""
