"""Actions on secrets. Nobody is ever shown a value: only the worker reads them, for an attempt's files."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.secrets.cipher import Cipher
from tuning.secrets.models import Secret

# A secret becomes an environment variable of the run: by its ending it can only be a key of some service, and never
# one that changes what is run (PATH, LD_PRELOAD, PYTHONPATH, USE_V1).
SECRET_NAME = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(API_KEY|API_TOKEN|TOKEN|KEY|SECRET|PASSWORD|USERNAME)"  # noqa: S105
MAX_NAME_LENGTH = 64
MAX_SECRETS = 50
MAX_VALUE_BYTES = 65_536
"""Linux takes no environment variable of more than twice as many (MAX_ARG_STRLEN)."""


def keep_secret(session: Session, owner_id: str, name: str, value: str, cipher: Cipher, now: datetime) -> None:
    """Keep a value under a name, in place of an older one. Raises InvalidInput, Conflict."""
    _check(name, value)
    ciphertext = cipher.encrypt(value)
    row = {"owner_id": owner_id, "name": name, "ciphertext": ciphertext, "created_at": now, "updated_at": now}
    if len(secrets_of(session, owner_id)) >= MAX_SECRETS and find_missing(session, owner_id, [name]):
        raise InvalidInput([Finding(("name",), f"you have {MAX_SECRETS} secrets already", "delete one first")])
    if not insert_if_new(session, Secret, row, unique=("owner_id", "name")):
        secret = session.get_one(Secret, (owner_id, name))
        secret.ciphertext, secret.updated_at = ciphertext, now


def secrets_of(session: Session, owner_id: str) -> Sequence[Secret]:
    """A user's secrets by name."""
    return session.scalars(select(Secret).where(Secret.owner_id == owner_id).order_by(Secret.name)).all()


def find_missing(session: Session, owner_id: str, names: Iterable[str]) -> list[str]:
    """Names among these under which this user has no secret."""
    wanted = list(names)
    there = set(session.scalars(select(Secret.name).where(Secret.owner_id == owner_id, Secret.name.in_(wanted))))
    return [name for name in wanted if name not in there]


def read_values(session: Session, owner_id: str, names: Sequence[str], cipher: Cipher) -> dict[str, str]:
    """The values by name, for the files of an attempt. Raises InvalidInput when one is gone, Conflict."""
    rows = session.scalars(select(Secret).where(Secret.owner_id == owner_id, Secret.name.in_(names)))
    found = {row.name: cipher.decrypt(row.ciphertext) for row in rows}
    gone = [name for name in names if name not in found]
    if gone:
        raise InvalidInput([Finding(("secrets",), f"the secret {gone[0]} is gone", "set it again and retry the job")])
    return found


def values_left(session: Session, owner_id: str, names: Sequence[str], cipher: Cipher) -> list[str]:
    """The values of those that are still there. Raises Conflict."""
    if not names:
        return []
    rows = session.scalars(select(Secret).where(Secret.owner_id == owner_id, Secret.name.in_(names)))
    return [cipher.decrypt(row.ciphertext) for row in rows]


def delete_secret(session: Session, owner_id: str, name: str) -> None:
    """Forget a secret. Raises NotFound, also for what no secret can be called by."""
    if not _is_name(name):
        raise NotFound("you have no such secret")
    gone = delete(Secret).where(Secret.owner_id == owner_id, Secret.name == name).returning(Secret.name)
    if session.scalar(gone) is None:
        raise NotFound(f"you have no secret {name[:MAX_NAME_LENGTH]}")


def _is_name(name: str) -> bool:
    return len(name) <= MAX_NAME_LENGTH and re.fullmatch(SECRET_NAME, name) is not None


def _check(name: str, value: str) -> None:
    findings = []
    if not _is_name(name):
        hint = "capital letters, digits and _, ending in _API_KEY, _TOKEN, _KEY, _SECRET, _PASSWORD or _USERNAME"
        findings.append(Finding(("name",), "this cannot be a secret's name", hint))
    if not _is_value(value):
        message = f"a secret is 1 to {MAX_VALUE_BYTES:,} bytes of UTF-8 text without a NUL character"
        findings.append(Finding(("value",), message, "encode what is no text, as base64 does"))
    if findings:
        raise InvalidInput(findings)


def _is_value(value: str) -> bool:
    try:
        size_bytes = len(value.encode())
    except UnicodeEncodeError:  # half a character
        return False
    return 0 < size_bytes <= MAX_VALUE_BYTES and "\x00" not in value
