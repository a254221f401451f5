"""Build and run packtrain and its surroundings: the training image, the lab cluster, both together."""
