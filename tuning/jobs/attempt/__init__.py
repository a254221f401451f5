"""One attempt: its plan, configuration, batch script, mounts, and how a next one continues it."""
