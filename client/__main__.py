"""`python -m client` is `packtrain`."""

from client.main import run

run()
