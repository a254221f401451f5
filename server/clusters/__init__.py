"""Clusters as requests see them: their descriptions, bytes of their files, tunnels to served models."""
