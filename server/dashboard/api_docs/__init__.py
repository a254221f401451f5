"""The API's page: its document for people, with examples that can be sent."""
