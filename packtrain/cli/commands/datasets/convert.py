"""datasets convert: a data set from what others publish."""

import codecs
import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from packtrain.cli.screen import note, say
from packtrain.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from packtrain.convert.wmt import Translation

    Read = tuple[Iterator["Translation"], Callable[[], str]]

DEFAULT_TRANSLATOR = "refA"


class Target(str, Enum):
    """The translation of a direct assessment that is to be learned: the reference or the machine's."""

    REF = "ref"
    MT = "mt"


File = Annotated[
    Path,
    typer.Argument(dir_okay=False, exists=True, help="DA csv (.csv, .csv.gz, .csv.tar.gz), test set .xml, or text."),
]


def wmt(
    file: File,
    pair: Annotated[str, typer.Option(help="From which language into which, for example ja-en.")],
    to: Annotated[Path, typer.Option(metavar="OUT.jsonl", dir_okay=False, help="The data set; replaced if it exists.")],
    reference: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="FILE is text: its reference, line by line.")
    ] = None,
    translator: Annotated[
        str | None, typer.Option(help="XML: whose reference, as the file names them; by default refA.")
    ] = None,
    target: Annotated[
        Target | None, typer.Option(help="csv: learn the reference (as by default) or the machine's translation.")
    ] = None,
    min_score: Annotated[float | None, typer.Option(help="csv: the least z score.")] = None,
    min_raw: Annotated[float | None, typer.Option(help="csv: the least raw score, of 0 to 100.")] = None,
    best_only: Annotated[
        bool, typer.Option("--best-only", help="csv: of each source only the row with the best z score.")
    ] = False,
    instruction: Annotated[
        str | None, typer.Option(help="With {source_language} and {target_language} for their names.")
    ] = None,
) -> None:
    """Translations of WMT as an alpaca data set.

    \b
    packtrain datasets convert wmt 2020-da.csv.tar.gz --pair ja-en --to train.jsonl
    packtrain datasets convert wmt wmttest2023.ja-en.all.xml --pair ja-en --to test.jsonl
    packtrain datasets convert wmt t.ja-en.src.ja --reference t.ja-en.ref.refA.en --pair ja-en --to test.jsonl
    """
    from packtrain.convert.wmt import INSTRUCTION, Pair

    if not to.absolute().parent.is_dir():
        raise typer.BadParameter(f"--to: there is no folder {to.parent}")
    wanted = Pair.parse(pair)
    words = wanted.instruction(INSTRUCTION if instruction is None else instruction)
    for_csv = {"--target": target, "--min-score": min_score, "--min-raw": min_raw, "--best-only": best_only or None}
    with _opened(file) as stream:
        is_xml = stream.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
        if reference is not None:
            _refuse("a text with its reference", {"--translator": translator, **for_csv})
            with reference.open("rb") as other:
                _write(to, words, *_lines(stream, other))
        elif is_xml:
            _refuse("XML", for_csv)
            _write(to, words, *_xml(stream, wanted, translator or DEFAULT_TRANSLATOR))
        else:
            _refuse("a csv", {"--translator": translator})
            _write(to, words, *_csv(stream, wanted, target or Target.REF, (min_score, min_raw), best_only))


def _refuse(kind: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None:
            raise typer.BadParameter(f"{option} is of no use for {kind}")


def _lines(stream: BinaryIO, other: BinaryIO) -> "Read":
    from packtrain.convert.wmt_testset import Count, read_lines

    count = Count()
    return read_lines(_text(stream), _text(other), count), lambda: f"left out: {count.empty} empty"


def _xml(stream: BinaryIO, pair: Any, translator: str) -> "Read":
    from packtrain.convert.wmt_testset import Count, read_xml

    count = Count()

    def left_out() -> str:
        return f"left out: {count.empty} empty, {count.unreferenced} documents without a reference by {translator}"

    return read_xml(stream, pair, translator, count), left_out


def _csv(
    stream: BinaryIO, pair: Any, target: Target, least: tuple[float | None, float | None], best_only: bool
) -> "Read":
    from packtrain.convert.wmt_assessments import Count, Selection, read_assessments

    count = Count()
    selection = Selection(pair, target.value, *least, best_only)

    def left_out() -> str:
        return f"left out: {count.below} below the score, {count.not_best} not the best, {count.empty} empty"

    return read_assessments(_text(stream), selection, count), left_out


def _text(stream: BinaryIO) -> Iterable[str]:
    return codecs.iterdecode(stream, "utf-8-sig")


@contextmanager
def _opened(file: Path) -> Iterator[io.BufferedReader]:
    """The file, or what is in it when it is packed. Raises InvalidInput."""
    try:
        with file.open("rb") as packed:
            if not file.name.endswith((".gz", ".tgz")):
                yield packed
            elif file.name.endswith((".tar.gz", ".tgz")):
                with tarfile.open(fileobj=packed, mode="r|gz") as archive:
                    yield _member(archive, file.name)
            else:
                with gzip.open(packed, "rb") as unpacked:
                    yield io.BufferedReader(unpacked)
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise InvalidInput(
            [Finding((file.name,), f"not readable as {file.suffix}: {error}", "fetch it anew")]
        ) from error


def _member(archive: tarfile.TarFile, name: str) -> io.BufferedReader:
    """The first csv; macOS puts a file `._x.csv` of its own beside each."""
    for member in archive:
        is_csv = member.name.endswith(".csv") and not Path(member.name).name.startswith("._")
        found = archive.extractfile(member) if is_csv else None
        if found is not None:
            return io.BufferedReader(found)  # type: ignore[arg-type]
    raise InvalidInput([Finding((name,), "there is no .csv in it", "unpack it, and give the file that is meant")])


def _write(to: Path, instruction: str, translations: Iterator["Translation"], left_out: Callable[[], str]) -> None:
    """Nothing is left of a file that was not written whole."""
    part = to.with_name(to.name + ".part")
    rows = 0
    try:
        with part.open("w", encoding="utf-8") as out:
            for translation in translations:
                out.write(json.dumps(translation.row(instruction), ensure_ascii=False) + "\n")
                rows += 1
        if not rows:
            raise InvalidInput([Finding((), f"no translation is left to write; {left_out()}", "ask for less")])
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    say(f"{to}  {rows} {'row' if rows == 1 else 'rows'}")
    note(left_out())


COMMANDS: dict[str, Callable[..., Any]] = {"wmt": wmt}
