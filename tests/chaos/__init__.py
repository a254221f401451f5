"""Exactly once, shown by faults that really happen: `make chaos`.

What is real: the server and the workers as processes of their own on one SQLite database, OpenSSH, Slurm with
accounting, the batch script, and every fault (SIGKILL, SIGSTOP, connections that are cut by a proxy before sshd). What
is not: the training. The cluster's image is missing, so that the real script takes its claim, finds that out and ends
with 66: a job is over within a second; for the faults of a site (tests.chaos.site) a stand-in is there. And the times
are short: the lease lasts three seconds instead of thirty, a submission without an answer is looked for during five
instead of forty-five, and the worker's own long waits are those of tests.chaos.short_times.
"""
