"""The `packtrain` command: arguments, output to a terminal, exit codes."""
