"""The quick result on a chat is the thorough one."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tuning.datasets.check.layouts.formats import ChatLayout
from tuning.datasets.check.layouts.sharegpt import ChatJudge

LAYOUT = ChatLayout("messages", "role", "content", user="user", assistant="assistant", observation="tool")
GOOD = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
TURNS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system", "tool", "function_call", None, 3, ["user"]]),
        "content": st.sampled_from(["a", "", None, 3, '{"name": "f", "arguments": {}}']),
    },
    optional={"tool_calls": st.sampled_from([None, [{}]]), "name": st.just("x")},
)
ROWS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"messages": st.lists(TURNS | st.sampled_from([*GOOD, None, "a", {"role": "user"}]), max_size=4) | st.none()},
    optional={"system": st.sampled_from(["s", None, 3]), "tools": st.sampled_from(["[]", "x", None]), "id": st.just(1)},
)


PLAIN: list[dict[str, Any]] = [{"messages": GOOD}, {"messages": [{"role": "system", "content": "s"}, *GOOD]}]
CONTENTS = st.sampled_from(["a", "b", "", None, 3])
BESIDES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"tool_calls": [{}]}, {"weight": 0}, {"name": "x"}]
)


def _almost_good(contents: list[Any], besides: list[dict[str, Any]]) -> dict[str, Any]:
    """The roles of a good row; the rest as it comes."""
    turns = zip(("user", "assistant"), contents, besides, strict=True)
    return {"messages": [{"role": role, "content": content, **beside} for role, content, beside in turns]}


LIKELY = st.builds(_almost_good, st.lists(CONTENTS, min_size=2, max_size=2), st.lists(BESIDES, min_size=2, max_size=2))


@given(st.lists(ROWS | LIKELY, max_size=6))
@example([_almost_good(["a", ""], [{}, {}])])
@example([_almost_good(["a", "b"], [{}, {"weight": 0}])])
@example([{"messages": GOOD, "tools": "x"}, {"messages": GOOD, "system": 3}])
def test_whatever_rows_came_before(rows: list[dict[str, Any]]) -> None:
    judge = ChatJudge(LAYOUT)
    for row in [*PLAIN, *rows, *PLAIN, *rows]:
        assert judge(row) == ChatJudge(LAYOUT).judge_thoroughly(row)
