"""Keys of served models."""

import pytest
from pydantic import SecretStr

from tuning.errors import Conflict
from tuning.jobs.serving.keys import start_key
from tuning.secrets.cipher import Cipher


def test_each_start_and_each_service_has_another_key() -> None:
    cipher = Cipher(SecretStr("a key"))
    key = start_key(cipher, "token")
    assert key == start_key(Cipher(SecretStr("a key")), "token")
    others = [start_key(cipher, "other"), start_key(Cipher(SecretStr("another")), "token")]
    assert len({key, *others}) == 3
    assert len(key) == 64


def test_without_a_key_of_the_service_there_is_none() -> None:
    with pytest.raises(Conflict, match="no key to keep secrets with"):
        start_key(Cipher(None), "token")
