"""Commands on people, their teams, limits, secrets and webhooks."""
