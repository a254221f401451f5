"""Scripts that keep the lab's nodes from taking jobs, and let them again."""

DRAIN = "scontrol update nodename=n[1-2] state=drain reason=chaos"
RESUME = "scontrol update nodename=n[1-2] state=resume"
OPEN = f"{RESUME}; sinfo -h -N -p gpu -o %T >/run/lab/nodes && ! grep -qvxE 'idle|mixed|allocated' /run/lab/nodes"
"""The same for a controller that has just come up and may not have heard of its nodes; true once they take jobs."""
