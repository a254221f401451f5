"""Simulation of an order of the queue on a recorded workload, through the same pure code, beside FIFO and EASY."""
