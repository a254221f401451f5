"""Storage of data files on the server's disk: contents by their hash, parts of uploads, a disk without room."""
