"""The page of benchmarks: what a run of them does not measure stays."""

from pathlib import Path

from tests.bench.report.page import SIMULATED, section

PAGE = Path(__file__).parents[3] / "docs" / "benchmarks.md"


def test_a_section_ends_at_the_next_heading() -> None:
    page = "# Page\n\n## One\n\ntext\n### inner\n\n## Two\n\nmore\n"
    assert section(page, "One") == "## One\n\ntext\n### inner\n"
    assert section(page, "Two") == "## Two\n\nmore\n"
    assert section(page, "Three") == ""


def test_the_simulated_section_is_there_to_be_kept() -> None:
    assert section(PAGE.read_text(encoding="utf-8"), SIMULATED).count("packtrain simulate") > 0
