"""Jobs from request to end: ways of training, further attempts, failures, cancelling."""
