"""Delivery of notices over HTTP and SMTP."""
