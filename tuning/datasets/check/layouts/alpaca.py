"""Rows of the form alpaca: a question, and its answer, two of them, or one with a thumb up or down."""

from typing import Any

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.layouts.formats import AlpacaLayout
from tuning.datasets.check.layouts.tool_texts import why_bad_tools
from tuning.datasets.check.read.alike_rows import AlikeRows
from tuning.datasets.check.row_result import GoodRows, RowResult

_Found = tuple[Reason | None, str]


class AlpacaJudge:
    """Judge of alpaca rows, as AlpacaDatasetConverter and the processor of the purpose read them."""

    def __init__(self, layout: AlpacaLayout) -> None:
        self._layout = layout
        answers = (layout.chosen, layout.rejected) if layout.purpose == "ranking" else (layout.response,)
        columns = (layout.prompt, layout.query, *answers, layout.system, layout.tools)
        self._columns = tuple(column for column in columns if column is not None)
        self._why = {"ranking": self._ranking, "kto": self._kto, "questions": self._question}.get(
            layout.purpose, self._plain
        )

    def __call__(self, row: dict[str, Any]) -> RowResult:
        texts: list[str] = []
        for column in self._columns:
            text = row.get(column)
            if text is not None and type(text) is not str:
                return RowResult(Reason.WRONG_TYPE, column)
            texts.append(text or "")
        history = row.get(self._layout.history)
        if history is not None:
            if not _is_history(history):
                return RowResult(Reason.BAD_HISTORY)
            texts += [text for pair in history for text in pair]
        reason, detail = self._why(row)
        return RowResult(reason, detail, tuple(texts), 2 + 2 * len(history or ()))

    def all_good(self, rows: AlikeRows) -> GoodRows | None:
        """The results of some rows, if nothing is to be said of any; None: it may be."""
        layout = self._layout
        if layout.purpose != "sft" or rows.type_of(layout.history) or rows.type_of(layout.tools):
            return None
        if any(rows.type_of(column) not in (str, None) for column in self._columns):
            return None
        absent = [""] * len(rows)
        texts = {column: rows.column(column) if rows.type_of(column) else absent for column in self._columns}
        if not (all(texts[layout.prompt]) and all(texts[layout.response])):
            return None
        return GoodRows(list(zip(*texts.values(), strict=True)), [2] * len(rows))

    def _plain(self, row: dict[str, Any]) -> _Found:
        answer = row.get(self._layout.response)
        if answer is None:
            return Reason.NO_ANSWER, ""
        return self._tools(row) or (self._doubt(row, answer), "")

    def _question(self, row: dict[str, Any]) -> _Found:
        return (None if row.get(self._layout.prompt) or row.get(self._layout.query) else Reason.EMPTY_PROMPT), ""

    def _ranking(self, row: dict[str, Any]) -> _Found:
        chosen, rejected = row.get(self._layout.chosen), row.get(self._layout.rejected)
        if chosen is None or rejected is None:
            return Reason.NO_PAIR, ""
        if chosen == rejected and chosen:
            return self._tools(row) or (Reason.SAME_ANSWERS, "")
        return self._tools(row) or (self._doubt(row, chosen and rejected), "")

    def _kto(self, row: dict[str, Any]) -> _Found:
        answer, tag = row.get(self._layout.response), row.get(self._layout.kto_tag)
        if type(tag) is not bool:
            return (Reason.NO_TAG, "") if answer else (Reason.BROKEN_KTO, "neither an answer nor a tag")
        if answer is None and not tag:
            return Reason.NULL_CONTENT, self._layout.response
        if not answer and tag:
            return self._tools(row) or (Reason.PRAISED_NOTHING, "")
        return self._tools(row) or (self._doubt(row, answer), "")

    def _tools(self, row: dict[str, Any]) -> _Found | None:
        tools = row.get(self._layout.tools) if self._layout.tools else None
        return why_bad_tools(tools) if tools else None

    def _doubt(self, row: dict[str, Any], answer: str | None) -> Reason | None:
        if not answer:
            return Reason.EMPTY_ANSWER
        return None if row.get(self._layout.prompt) or row.get(self._layout.query) else Reason.EMPTY_PROMPT


def _is_history(history: Any) -> bool:
    return type(history) is list and all(
        type(pair) is list and len(pair) == 2 and all(type(text) is str for text in pair) for pair in history
    )
