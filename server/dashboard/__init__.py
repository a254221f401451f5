"""Pages for people: HTML from the same answers and the same feed as the API."""
