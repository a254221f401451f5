"""A small real cluster on one machine: OpenSSH, Slurm with two nodes of fake GPUs, Apptainer.

lab = up(Profile.TRIXIE, Path(".packtrain/lab"), image=image.build(), models=models.build())
subprocess.run(lab.ssh_command("sinfo"))
down(lab.state_dir)
"""

from container.lab.cluster import Lab, down, status, up
from container.lab.rootfs import Profile, build

__all__ = ["Lab", "Profile", "build", "down", "status", "up"]
