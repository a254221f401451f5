"""Notices of jobs' events to people's receivers: endpoints, outbox, targets, signatures, bodies."""
