"""What the docs quote of the benchmark is what the report left."""

from pathlib import Path

import pytest

from benchmarks.ranking.report import QUOTED

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks/ranking/results"
DOCS = (ROOT / "docs/search.md").read_text()


@pytest.mark.parametrize("table", QUOTED)
def test_tables_are_quoted_word_for_word(table):
    assert (RESULTS / f"{table}.md").read_text().strip() in DOCS


@pytest.mark.parametrize("plot", ["rank.png", "cost_error.png", "front.png"])
def test_plots_are_there(plot):
    assert f"../benchmarks/ranking/results/{plot}" in DOCS
    assert (RESULTS / plot).is_file()
