"""The service's data as a whole: copied into another database, saved in a file, brought back from it."""
