"""Command lines and batch scripts that people have, read as a configuration and resources. Nothing of them is run."""
