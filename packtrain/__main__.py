"""`python -m client` is `packtrain`."""

from packtrain.cli.main import run

run()
