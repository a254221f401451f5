"""HTTP of the client: retries, uploads, downloads, long polls, event streams."""
