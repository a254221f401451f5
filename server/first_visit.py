"""Document and templates, made while a server starts to listen: else the first visitors after a start wait for them."""

import gc
import threading
from typing import cast

from fastapi import FastAPI

from server.dashboard.page import Pages

THREAD = "first-visit"


def begin_first_visit(app: FastAPI) -> None:
    """Make them on a thread of its own: a start takes no longer, and whoever comes at once makes their own page."""
    threading.Thread(target=_prepare_and_freeze, args=(app,), name=THREAD, daemon=True).start()


def prepare_first_visit(app: FastAPI) -> None:
    """Build the OpenAPI document, and compile the templates of the pages."""
    app.openapi()
    cast(Pages, app.state.pages).compile_all()


def _prepare_and_freeze(app: FastAPI) -> None:
    """All that is there now stays: a full garbage collection that walks through it stops every answer for 0.3 s."""
    prepare_first_visit(app)
    gc.collect()
    gc.freeze()
