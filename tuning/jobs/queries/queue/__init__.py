"""Queries of the queue: waiting and running jobs, their use of GPUs and nodes, lately ended ones."""
