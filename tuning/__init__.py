"""What server, worker and client share: what a tuning job is."""
