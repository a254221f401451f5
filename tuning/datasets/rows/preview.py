"""Preview of a data set: its first rows as they are in the file, and as a model would see them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Self

from pydantic import BaseModel, Field

from tuning.datasets.check.layouts.formats import Formatting
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.line_rows import read_line_rows
from tuning.datasets.check.read.rows import Row
from tuning.datasets.rows.conversation import conversation_of
from tuning.errors import InvalidInput
from tuning.llamafactory.preview.rendering import Training, check_training, render
from tuning.llamafactory.preview.templates import Template, find_template

MAX_ROWS = 100
MAX_FIRST = 1_000_000
PREVIEW_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_LEFT_OUT = "LLaMA-Factory leaves this row out; the data set's report says why"


class TextPiece(BaseModel):
    """Some of the text that is read in training, special tokens written out."""

    text: str
    trained: bool = Field(description="The loss counts it: the model learns to say it.")
    read: bool = Field(description="False: it is only learned in this place, and not read by what follows.")


class PreviewRow(BaseModel):
    """A row as it is in the file, and with a template also as the model would see it."""

    row: int
    line: int
    value: dict[str, Any]
    pieces: list[TextPiece] | None = Field(description="The whole text in order; null without a template.")
    problem: str | None = Field(description="Why a row cannot be shown with the template.")

    @classmethod
    def of(cls, row: Row, entry: Mapping[str, Any], template: Template | None, training: Training) -> Self:
        """From a row of the file, and the data set's entry in dataset_info.json."""
        pieces, problem = None, None
        try:
            if template is not None:
                pieces = _pieces(row, entry, template, training)
                problem = _LEFT_OUT if pieces is None else None
        except InvalidInput as error:
            problem = str(error)
        return cls(row=row.number, line=row.line, value=row.value, pieces=pieces, problem=problem)


class Preview(BaseModel):
    """The first rows of a data set."""

    format: Formatting
    template: str | None
    rows: list[PreviewRow]
    has_more: bool = Field(description="There are rows behind these that `first` leads to.")


class PreviewQuery(BaseModel):
    """Query of a preview: rows, template, training flags."""

    count: int = Field(10, ge=1, le=MAX_ROWS, description="How many rows at most.")
    first: int = Field(1, ge=1, le=MAX_FIRST, description="The number of the row to begin with.")
    template: str | None = Field(None, description="One of LLaMA-Factory's: shows what the model would see.")
    mask_history: bool = Field(False, description="Only the last answer of a conversation is trained on.")
    train_on_prompt: bool = Field(False, description="The questions are trained on too.")
    enable_thinking: bool = Field(True, description="Of templates that think: with their thoughts.")
    preserve_thinking: bool = Field(False, description="With mask_history: earlier answers keep their thoughts.")

    def training(self) -> Training:
        """The arguments of the training."""
        return Training(self.mask_history, self.train_on_prompt, self.enable_thinking, self.preserve_thinking)

    def found_template(self) -> Template | None:
        """The template that is wished for. Raises InvalidInput where there is none such, or it cannot be trained so."""
        if self.template is None:
            return None
        template = find_template(self.template)
        check_training(template, self.training())
        return template


@dataclass(frozen=True)
class PreviewSource:
    """Format and entry of a data set whose rows are shown."""

    extension: str
    format: str
    entry: Mapping[str, Any]
    """Its entry in dataset_info.json."""


def first_rows(stream: BinaryIO, extension: str, count: int, first: int = 1) -> list[Row]:
    """Rows as they are in a file, from the `first`: at most `count`, and what the first 4 MiB hold."""
    read = read_array_rows if extension == "json" else read_line_rows
    rows: list[Row] = []
    for place, row in enumerate(islice(read(stream), first - 1 + count), 1):
        if isinstance(row, Row) and place >= first:
            rows.append(row)
        if stream.tell() > PREVIEW_BYTES:
            break
    return rows


def preview_pieces(stream: BinaryIO, about: PreviewSource, wish: PreviewQuery) -> Iterator[bytes]:
    """The Preview of a file as JSON, in pieces. Raises InvalidInput for the template."""
    template, training = wish.found_template(), wish.training()
    rows = first_rows(stream, about.extension, wish.count + 1, wish.first)
    shown = [PreviewRow.of(row, about.entry, template, training) for row in rows[: wish.count]]
    has_more = len(rows) > wish.count
    preview = Preview(format=about.format, template=wish.template, rows=shown, has_more=has_more)
    told = preview.model_dump_json().encode()
    for start in range(0, len(told), _PIECE_BYTES):
        yield told[start : start + _PIECE_BYTES]


def _pieces(row: Row, entry: Mapping[str, Any], template: Template, training: Training) -> list[TextPiece] | None:
    conversation = conversation_of(row.value, entry)
    if conversation is None:
        return None
    pieces = render(template, conversation, training)
    return [TextPiece(text=piece.text, trained=piece.is_trained, read=piece.is_read) for piece in pieces]
