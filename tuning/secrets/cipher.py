"""Encryption of secrets at rest: Fernet of the `cryptography` package (AES-128-CBC with HMAC-SHA256)."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from tuning.errors import Conflict


class Cipher:
    """Encrypts with the operator's key; without one nothing can be kept or read."""

    def __init__(self, key: SecretStr | None) -> None:
        # any text will do as a key: Fernet itself wants exactly 32 bytes in base64
        text = key.get_secret_value().strip() if key is not None else ""
        self._key = hashlib.sha256(text.encode()).digest() if text else b""
        self._fernet = Fernet(base64.urlsafe_b64encode(self._key)) if text else None

    def encrypt(self, value: str) -> bytes:
        """The value as it is kept. Raises Conflict when there is no key."""
        return self._ready().encrypt(value.encode())

    def decrypt(self, ciphertext: bytes) -> str:
        """The value again. Raises Conflict when there is no key, or when it is another one."""
        try:
            return self._ready().decrypt(ciphertext).decode()
        except InvalidToken as error:
            hint = "bring the old key back, or set the secret again"
            raise Conflict("this secret was encrypted with another PACKTRAIN_SECRETS_KEY", hint=hint) from error

    def derived(self, text: str) -> str:
        """A secret that only holders of the key can make of this text. Raises Conflict when there is no key."""
        self._ready()
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _ready(self) -> Fernet:
        if self._fernet is None:
            hint = "the operator sets PACKTRAIN_SECRETS_KEY (a long random text) for server and worker"
            raise Conflict("this packtrain has no key to keep secrets with", hint=hint)
        return self._fernet
