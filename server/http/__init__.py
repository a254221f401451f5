"""HTTP and nothing else: limits, problems (RFC 9457), tokens, streams."""
