"""The words of the command line, one file for each thing they speak of: arguments in, lines and exit codes out."""
