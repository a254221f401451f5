"""Access: the token, session or proxied user of a request, and its address."""
