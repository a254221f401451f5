"""Limits of users, teams and everybody: use, admission and reservations, checks of what is set, and words."""
