"""What an order of the queue does to a recorded workload: events through the same pure code, beside FIFO and EASY."""
