"""Work beside jobs: cancellation, removal, trials, the cluster's snapshot, the root's ownership."""
