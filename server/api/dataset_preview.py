"""The first rows of a data set: as they are in the file, and as a model would see them."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from server.api.datasets import DatasetId, StoreDep
from server.dependencies import SessionDep
from server.problems import responses
from tuning.datasets import service
from tuning.datasets.conversation import conversation_of
from tuning.datasets.formats import Formatting
from tuning.datasets.rows import Row
from tuning.errors import InvalidInput
from tuning.llamafactory.rendering import Training, check_training, render
from tuning.llamafactory.templates import Template, find_template

router = APIRouter(prefix="/datasets", tags=["datasets"])

MAX_ROWS = 100
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


class Wish(BaseModel):
    """How many rows, and how they are to be shown."""

    count: int = Field(10, ge=1, le=MAX_ROWS, description="How many rows at most.")
    template: str | None = Field(None, description="One of LLaMA-Factory's: shows what the model would see.")
    mask_history: bool = Field(False, description="Only the last answer of a conversation is trained on.")
    train_on_prompt: bool = Field(False, description="The questions are trained on too.")
    enable_thinking: bool = Field(True, description="Of templates that think: with their thoughts.")
    preserve_thinking: bool = Field(False, description="With mask_history: earlier answers keep their thoughts.")

    def training(self) -> Training:
        """The arguments of the training."""
        return Training(self.mask_history, self.train_on_prompt, self.enable_thinking, self.preserve_thinking)


@router.get("/{dataset_id}/preview", responses=responses(404, 409))
def get_preview(dataset_id: DatasetId, session: SessionDep, store: StoreDep, wish: Annotated[Wish, Query()]) -> Preview:
    """The first rows (of very long ones, as many as the file's first 4 MiB hold, and 64 KiB
    of a file that lies on a cluster).

    With `template` each also as the text that supervised fine-tuning reads, and which of it is trained on; nothing is
    cut off at `cutoff_len`, which counts tokens.
    """
    dataset = service.get_ready(session, dataset_id)
    template = find_template(wish.template) if wish.template is not None else None
    if template is not None:
        check_training(template, wish.training())
    rows = service.preview(store, dataset, wish.count)
    shown = [PreviewRow.of(row, dataset.entry, template, wish.training()) for row in rows]
    return Preview(format=dataset.format, template=wish.template, rows=shown)


def _pieces(row: Row, entry: Mapping[str, Any], template: Template, training: Training) -> list[TextPiece] | None:
    conversation = conversation_of(row.value, entry)
    if conversation is None:
        return None
    pieces = render(template, conversation, training)
    return [TextPiece(text=piece.text, trained=piece.is_trained, read=piece.is_read) for piece in pieces]
