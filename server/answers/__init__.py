"""Answers made from rows and the feed: for the API and for the pages."""
