"""Pages of people: teams with their use, limits, users, the record of changes, and each person's own page."""
