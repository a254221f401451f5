"""The feed: progress, events and logs answered from memory, read once a tick for everybody."""
