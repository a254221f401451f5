"""The first rows of a data set: as they are in the file, and as a model would see them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from server.answers.datasets import PreviewsDep
from server.dependencies import DatasetId, FeedUser
from server.http.errors.problems import responses
from tuning.datasets.rows.preview import Preview, PreviewQuery

router = APIRouter(prefix="/datasets", tags=["datasets"])
"""Apart, since it holds no session of the database while rows are read."""


@router.get("/{dataset_id}/preview", response_model=Preview, responses=responses(404, 409, 503))
async def get_preview(
    dataset_id: DatasetId,
    request: Request,
    user: FeedUser,
    previews: PreviewsDep,
    wish: Annotated[PreviewQuery, Query()],
) -> Response:
    """The first rows (of very long ones, as many as the file's first 4 MiB hold, and 64 KiB
    of a file that lies on a cluster).

    With `template` each also as the text that supervised fine-tuning reads, and which of it is trained on; nothing is
    cut off at `cutoff_len`, which counts tokens. `first` leads on from row to row, within these bounds.
    """
    return Response(await previews.read(request, dataset_id, user, wish), media_type="application/json")
