"""Pages in a real browser, on made-up rows and on the lab."""
