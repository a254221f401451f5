"""Order and forecast of the queue with several people: window, preemption, shares."""
