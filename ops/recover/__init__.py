"""Jobs' rows rebuilt from their folders on a cluster, where the database is lost."""
