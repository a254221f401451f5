"""Language of a page: chosen by Accept-Language, with its catalogue of texts (gettext)."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH = "en"
CATALOGUES = Path(__file__).resolve().parents[2] / "templates" / "dashboard" / "locale"
LANGUAGES = (ENGLISH, "ja", "zh")
_LONGEST_HEADER = 500


def language_of(accept_language: str) -> str:
    """The best of our languages that a browser asks for (RFC 9110, section 12.5.4); English where it asks for none."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:_LONGEST_HEADER].split(",")):
        name, _, weight = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in LANGUAGES and (quality := _quality(weight)) > 0:
            wanted.append((-quality, place, language))
    return min(wanted)[2] if wanted else ENGLISH


@cache
def catalogue(language: str) -> NullTranslations:
    """Texts of one of our languages; of English none, as the templates are written in it."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    with (CATALOGUES / language / "LC_MESSAGES" / "dashboard.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _quality(weight: str) -> float:
    """Of `q=0.8`; what cannot be read counts as not wanted."""
    name, _, number = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(max(float(number), 0.0), 1.0) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
