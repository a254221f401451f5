import pytest

from tuning.secrets.masking import mask, secret_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("login with abcdefgh failed", "login with *** failed"),
        ("abcdefghij is the longer one", "*** is the longer one"),
        ("an xyz in xyzzy", "an xyz in xyzzy"),  # too short to be masked
        ("hf_AbCdEfGhIjKlMnOpQrStUvWxYz", "***"),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: Bearer ***"),
        ("the bearer of bad news", "the bearer of bad news"),
    ],
)
def test_secrets_are_taken_out_of_a_text(text: str, shown: str) -> None:
    assert mask(text, ["abcdefgh", "abcdefghij", "xyz", ""]) == shown


def test_an_operators_secrets_are_known_by_their_names() -> None:
    assert secret_values({"WANDB_API_KEY": "0123", "WANDB_MODE": "offline"}) == ["0123"]


def test_a_key_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN-----\nabcdefgh\nab\n"
    assert mask(f"1: -----BEGIN-----\n2: abcdefgh\n3: ab\n{key}", [key]) == "1: ***\n2: ***\n3: ab\n***"
