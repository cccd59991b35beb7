"""Wrapping, tables and code as rows, and what of them is copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from modechat.tui.render.highlight import Highlighter
from modechat.tui.render.rows import copied
from modechat.tui.render.table import fitted
from modechat.tui.render.wrap import wrap
from tests.tui.render.documents import document, rows_of, shown


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("hello world this is long", 8, ["hello", "world", "this is", "long"]),
        ("日本語のテキスト、です。長い", 10, ["日本語のテ", "キスト、で", "す。長い"]),
        ("一二三四五、六", 10, ["一二三四", "五、六"]),
        ("👩‍👩‍👧‍👦 family 👍🏽 ok", 6, ["👩‍👩‍👧‍👦", "family", "👍🏽 ok"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("", 5, [""]),
    ],
)
def test_text_is_wrapped_where_it_may_be(text: str, width: int, rows: list[str]) -> None:
    assert [row.text for row in wrap([(text, ())], width)] == rows


@given(text=st.text(alphabet="ab \n日本、👍🏽\u200d👩é́", max_size=60), width=st.integers(2, 20))
def test_wrapped_text_is_whole_again_when_it_is_copied(text: str, width: int) -> None:
    rows = wrap([(text, ())], width)
    assert copied(rows).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(row.text.rstrip()) <= width or len(row.text) <= 12 for row in rows)


def test_what_is_only_for_looks_is_not_copied() -> None:
    text = "- a long item that wraps\n\n```py\nx = 1\n```\n> quoted text here"
    assert copied(rows_of(document(text), 14)) == "• a long item that wraps\n\nx = 1\n\n▌ quoted text here"


def test_a_table_shrinks_its_widest_columns_then_becomes_fields() -> None:
    assert fitted([3, 50, 10], 40) == [3, 27, 10]
    assert fitted([3, 5], 40) == [3, 5]
    assert fitted([9, 9, 9, 9], 12) == []
    table = "| Name | Size |\n|---|---|\n| first | 12 |\n"
    assert shown(document(table), 40) == ["Name  │ Size", "──────┼─────", "first │ 12"]
    assert shown(document(table), 8) == ["Name:", "first", "Size: 12", "────────"]


def test_a_narrow_table_without_rows_shows_its_head() -> None:
    assert shown(document("| Name | Size |\n|---|---|\n"), 6) == ["Name: ", "Size: ", "──────"]


def test_a_table_that_grows_wider_is_laid_out_again() -> None:
    made = document("| a | b |\n|---|---|\n| 1 | 2 |\n")
    before = shown(made, 40)
    made.append("| 1234 | 5 |\n")
    assert before[-1] == "1 │ 2"
    assert shown(made, 40)[2:] == ["1    │ 2", "1234 │ 5"]


@pytest.mark.parametrize("language", ["python", "c", "html", "php", "json", "diff", "rust", "bash", "unknown", ""])
def test_highlighting_line_by_line_keeps_the_text(language: str) -> None:
    lines = ['x = "a" # b', '"""doc', "/* c", "end */", "<b>t</b>", "", "    if (1) {", "y" * 2000, "é日本", "}"] * 30
    highlighter = Highlighter(language)
    for line in lines:
        highlighter.add([line])
    highlighter.finish()
    assert ["".join(text for text, _ in line) for line in highlighter.settled] == lines


def test_code_has_the_same_colours_however_it_came() -> None:
    code = [
        "def f(x: int) -> str:",
        '    """What it does:',
        "    return nothing",
        '    """',
        "    return str(x)  # so",
    ] * 20
    at_once, by_lines = Highlighter("python"), Highlighter("python")
    at_once.add(code)
    at_once.finish()
    for line in code:
        by_lines.add([line])
    by_lines.finish()
    assert by_lines.settled == at_once.settled
    assert [("    return nothing", ("code-comment",))] in by_lines.settled
