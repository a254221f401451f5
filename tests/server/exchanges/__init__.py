"""Requests and answers of the API, recorded: clients of that day go on working unchanged."""
