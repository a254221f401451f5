"""`python -m packtrain` is `packtrain`."""

from packtrain.cli.main import run

run()
