"""Programs that speak for a peer, each by the peer's own Python, with nothing of packtrain's."""
