"""Lengths in tokens, by a model's own tokenizer. The package `tokenizers` is in the training image, not needed here."""

from pathlib import Path

from tuning.datasets.check.stats.totals import CountTokens
from tuning.errors import Finding, InvalidInput


def token_counter(path: Path) -> CountTokens:
    """Without the tokens that a template adds. Raises InvalidInput where there is no tokenizer.json to be read."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        hint = "name a model with a tokenizer.json, or none: lengths are then told in characters"
        raise InvalidInput([Finding(("tokenizer",), f"{file} cannot be read as a tokenizer: {error}", hint)]) from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
