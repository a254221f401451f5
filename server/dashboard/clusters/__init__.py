"""Page of the clusters."""
