"""What packtrain runs in and on: the training image, the lab cluster, and both put together to try and to test."""
