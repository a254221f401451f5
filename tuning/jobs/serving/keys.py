"""Keys of served models: another for each start, told to nobody and kept nowhere."""

from tuning.secrets.cipher import Cipher


def start_key(cipher: Cipher, token: str) -> str:
    """Key of one start, by the token of its attempt. Raises Conflict where the service has no key of its own.

    The token alone would not do: Slurm shows it to everybody on the cluster.
    """
    return cipher.derived(f"served model: {token}")
