"""Requests to the API beside the least that could answer them: POST /jobs, progress, lists."""
