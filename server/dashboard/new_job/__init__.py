"""The page for new jobs: beginnings, choices, and the arguments that its editor completes."""
