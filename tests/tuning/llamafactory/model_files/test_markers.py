"""Markers of LLaMA-Factory's templates."""

from tuning.llamafactory.model_files.markers import all_markers, turn_markers
from tuning.llamafactory.preview.templates import load_templates


def test_turns_are_marked_by_what_is_no_text() -> None:
    templates = load_templates()
    assert turn_markers(templates["qwen"]) == ("<|im_start|>",)
    assert turn_markers(templates["deepseek3"]) == ("<｜User｜>", "<｜Assistant｜>")
    assert turn_markers(templates["llama3"]) == ("<|start_header_id|>", "<|end_header_id|>")
    assert turn_markers(templates["alpaca"]) == ()


def test_all_of_them_fit_in_lines_and_in_json() -> None:
    assert {"<|im_end|>", "<end_of_turn>", "<|im_start|>"} <= set(all_markers())
    assert all(marker.isprintable() and '"' not in marker for marker in all_markers())
    assert len(all_markers()) < 200
