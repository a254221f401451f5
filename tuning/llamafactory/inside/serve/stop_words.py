"""Stop words of an answer: their bounds, and texts cut before the first of them. Pure."""

from collections.abc import Sequence

MOST_WORDS = 16
MOST_CHARACTERS = 200
"""Of one of them."""


class TooManyStopWordsError(ValueError):
    """Stop words beyond the bounds."""


def read_words(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """The stop words of a request. Raises TooManyStopWordsError."""
    words = (stop,) if isinstance(stop, str) else tuple(stop or ())
    words = tuple(word for word in words if word)
    if len(words) > MOST_WORDS:
        raise TooManyStopWordsError(f"{len(words)} stop words: at most {MOST_WORDS}")
    if any(len(word) > MOST_CHARACTERS for word in words):
        raise TooManyStopWordsError(f"a stop word has at most {MOST_CHARACTERS} characters")
    return words


def cut(text: str, words: Sequence[str]) -> tuple[str, bool]:
    """The text before the first stop word, and whether there was one."""
    places = [place for word in words if (place := text.find(word)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


class StreamCutter:
    """Text that comes in pieces, told up to the first stop word: what may become one is held back."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._held = ""
        self.is_cut = False

    def take(self, piece: str) -> str:
        """The text that can be told with this piece."""
        if self.is_cut:
            return ""
        text, self.is_cut = cut(self._held + piece, self._words)
        kept = 0 if self.is_cut else self._begun(text)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """The text that was held back and became no stop word."""
        held, self._held = self._held, ""
        return held

    def _begun(self, text: str) -> int:
        """Number of characters at the end of a text that may begin a stop word."""
        lengths = [
            length
            for word in self._words
            for length in range(1, min(len(word), len(text) + 1))
            if text.endswith(word[:length])
        ]
        return max(lengths, default=0)
