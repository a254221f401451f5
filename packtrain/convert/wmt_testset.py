"""WMT's test sets: XML with documents, references and systems, or plain text files that run line by line.

The XML is that of the wmt*-news-systems repositories since 2021: a `doc` holds one `src`, a `ref` for each translator
and a `hyp` for each system, and in each of these a `seg` with the same id is the same segment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import BinaryIO
from xml.etree import ElementTree

from packtrain.convert.wmt import Pair, Translation, absent
from packtrain.errors import Finding, InvalidInput

MAX_ELEMENTS = 1_000_000
"""Ours, for one document: WMT's have some hundred."""


@dataclass
class Count:
    """Counts of the segments that were taken or empty, and of the documents without this reference."""

    taken: int = 0
    empty: int = 0
    """The source or the reference is empty."""
    unreferenced: int = 0
    """Documents of the pair that this translator did not translate (test suites have no reference)."""
    pairs: set[str] = field(default_factory=set)
    translators: set[str] = field(default_factory=set)


def read_xml(stream: BinaryIO, pair: Pair, translator: str, count: Count) -> Iterator[Translation]:
    """Segments with the translation by `translator` (refA, ...), in the order of the file, a document at a time.

    Raises InvalidInput for what is no such XML, segments without their counterpart, or when the file has not this pair
    or nothing by this translator: the message lists what it has.
    """
    try:
        for document in _documents(stream):
            yield from _segments(document, pair, translator, count)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        hint = "fetch the file anew: it is one of xml/*.xml of a wmt*-news-systems repository"
        raise InvalidInput([Finding(("file",), f"not readable as XML: {error}", hint)]) from error
    if str(pair) not in count.pairs:
        raise absent(pair, count.pairs)
    if not count.taken and translator not in count.translators:
        hint = f"it has {', '.join(sorted(count.translators))}: choose with --translator"
        raise InvalidInput([Finding(("translator",), f"there is no reference by {translator} in the file", hint)])


def read_lines(sources: Iterable[str], references: Iterable[str], count: Count) -> Iterator[Translation]:
    """The lines of a source file with those of its reference file. Raises InvalidInput when one has more of them."""
    number = 0
    try:
        for number, (source, reference) in enumerate(zip_longest(sources, references), 1):
            if source is None or reference is None:
                raise _uneven(sources, references, number, source is None)
            yield from _unless_empty(Translation(source.strip(), reference.strip()), count)
    except UnicodeDecodeError as error:
        message = f"line {number + 1} or a later one is not UTF-8: {error}"
        raise InvalidInput([Finding(("file", number + 1), message, "save both files as UTF-8")]) from error


def _documents(stream: BinaryIO) -> Iterator[ElementTree.Element]:
    """Each `doc`, and then its memory is given back. Entities that swell are refused by expat itself."""
    path: list[ElementTree.Element] = []
    elements = 0
    for event, element in ElementTree.iterparse(stream, ("start", "end")):  # noqa: S314
        if event == "start":
            path.append(element)
            elements += 1
            if elements > MAX_ELEMENTS:
                raise ValueError(f"a document of more than {MAX_ELEMENTS} elements")
            continue
        path.pop()
        if element.tag == "doc":
            yield element
            elements = 0
            if path:
                path[-1].remove(element)


def _segments(document: ElementTree.Element, pair: Pair, translator: str, count: Count) -> Iterator[Translation]:
    source = document.find("src")
    if source is None:
        return
    references = document.findall("ref")
    languages = {str(reference.get("lang")) for reference in references}
    count.pairs.update(f"{source.get('lang')}-{language}" for language in languages)
    if source.get("lang") != pair.source or (languages and pair.target not in languages):
        return
    wanted = [reference for reference in references if reference.get("lang") == pair.target]
    count.translators.update(_translator(reference) for reference in wanted)
    chosen = next((reference for reference in wanted if _translator(reference) == translator), None)
    if chosen is None:
        count.unreferenced += 1
        return
    for translation in _matched(_texts(source), _texts(chosen), document.get("id")):
        yield from _unless_empty(translation, count)


def _translator(reference: ElementTree.Element) -> str:
    return reference.get("translator") or "(unnamed)"


def _texts(side: ElementTree.Element) -> dict[str, str]:
    return {str(segment.get("id")): "".join(segment.itertext()).strip() for segment in side.iter("seg")}


def _matched(sources: dict[str, str], references: dict[str, str], document: str | None) -> Iterator[Translation]:
    lone = sorted(sources.keys() ^ references.keys())
    if lone:
        message = f"document {document}: segment {lone[0]} is in the source or in the reference only"
        raise InvalidInput([Finding(("file",), message, "fetch the file anew")])
    for key, source in sources.items():
        yield Translation(source, references[key])


def _unless_empty(translation: Translation, count: Count) -> Iterator[Translation]:
    if all(translation):
        count.taken += 1
        yield translation
    else:
        count.empty += 1


def _uneven(sources: Iterable[str], references: Iterable[str], number: int, is_source_short: bool) -> InvalidInput:
    more = number + sum(1 for _ in (references if is_source_short else sources))
    lines = (number - 1, more) if is_source_short else (more, number - 1)
    message = f"the source has {lines[0]} lines and the reference {lines[1]}"
    return InvalidInput(
        [Finding(("reference",), message, "give the two files of one test set: line by line they match")]
    )
