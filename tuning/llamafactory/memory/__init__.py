"""GPU memory of a run, estimated: weights, gradients, states, and what a step computes. Pure."""
