"""The rows of a cluster: who drives it, and what it last said."""
