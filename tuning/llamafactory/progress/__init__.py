"""Progress of a run: trainer_log.jsonl, pace, ETA, silence."""
