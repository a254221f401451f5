"""Routes of users, teams and the record of changes."""
