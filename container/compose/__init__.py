"""docker-compose.yml: the folder of secrets and settings that it wants, and the proof that all of it works."""
