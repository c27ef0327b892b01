"""The tables in the docs are those of the kept results."""

from benchmarks.__main__ import PAGE, TABLES, render_page


def test_the_page_is_what_the_results_say():
    text = PAGE.read_text("utf-8")
    assert render_page(text) == text
    for name in TABLES:
        assert f"<!-- {name} -->" in text
