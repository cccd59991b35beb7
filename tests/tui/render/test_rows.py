"""Wrapping, tables and code as rows, and what of them is copied."""

from __future__ import annotations

import re
import unicodedata

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from modechat.domain.text import sanitize
from modechat.tui.render.highlight import Highlighter
from modechat.tui.render.rows import copied
from modechat.tui.render.table import fitted
from modechat.tui.render.wrap import wrap
from tests.examples import examples
from tests.tui.render.documents import document, rows_of, shown


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("hello world this is long", 8, ["hello", "world", "this is", "long"]),
        ("日本語のテキスト、です。長い", 10, ["日本語のテ", "キスト、で", "す。長い"]),
        ("一二三四五、六", 10, ["一二三四", "五、六"]),
        ("👩‍👩‍👧‍👦 family 👍🏽 ok 🇩🇪", 8, ["👩👩👧👦", "family", "👍 ok DE"]),
        ("a\tb\tc", 9, ["a   b   c"]),
        ("日本\tb\n\tc", 9, ["日本    b", "    c"]),
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
    ends = re.compile("[ \u200d]+(?=\n|$)")
    assert ends.sub("", copied(rows)) == ends.sub("", text)
    assert all(cell_len(row.text.rstrip()) <= width or len(row.text) <= 12 for row in rows)


@given(
    text=st.text(alphabet="ab \t日👍🏽\u200d👩é́\u00ad\ufe0f🇩🇪", max_size=60),
    width=st.integers(2, 20),
)
def test_code_is_whole_again_when_it_is_copied(text: str, width: int) -> None:
    made = document(f"```\n{text}\n\tend\n```\n")
    assert copied(rows_of(made, width)) == f"{text}\n\tend"


@settings(max_examples=examples(500))
@given(text=st.text(st.characters(exclude_categories=["Cn", "Co", "Cs"]), max_size=30))
@example("👩‍👩‍👧‍👦 👍🏽 🏽 🇩🇪 ❤️ ⚠️ 1️⃣ a\u200db ශ්‍රී ☝🏽 soft\u00adhyphen x\u200by \ufeffz \tt")
def test_a_row_takes_as_many_cells_in_a_terminal_as_it_takes_here(text: str) -> None:
    for row in wrap([(sanitize(text), ())], 1000):
        screen = pyte.Screen(400, 2)
        for character in row.text:  # pyte ends a text at the first mark without a width
            screen.draw(character)
        assert screen.cursor.x == row.cells


@pytest.mark.every_day(0)
def test_every_character_takes_as_many_cells_in_a_terminal_as_it_takes_here() -> None:
    screen = pyte.Screen(100, 2)
    for code in range(32, 0x110000):
        character = chr(code)
        if (
            unicodedata.category(character) in ("Cn", "Co", "Cs")
            or sanitize(character) != character
        ):
            continue
        (row,) = wrap([(f"x{character}", ())], 50)
        screen.cursor.x = screen.cursor.y = 0
        screen.draw(row.text)
        assert screen.cursor.x == row.cells, hex(code)


def test_what_is_only_for_looks_is_not_copied() -> None:
    text = "- a long item that wraps\n\n```py\nx = 1\n```\n> quoted text here"
    assert (
        copied(rows_of(document(text), 14))
        == "- a long item that wraps\n\nx = 1\n\n> quoted text here"
    )


def test_quotes_lists_and_tables_are_copied_without_frames_and_padding() -> None:
    text = "> - [x] done\n> - to do\n>\n> - [ ] more\n\n| a | long name |\n|--:|:-:|\n| 12 | x\ty |\n| 345 | |\n"
    assert copied(rows_of(document(text), 40)) == (
        "> - [x] done\n> - to do\n>\n> - [ ] more\n\na\tlong name\n12\tx\ty\n345"
    )


def test_a_part_of_a_row_is_copied_as_it_was() -> None:
    (row,) = wrap([("a\tb\tc", ())], 40)
    assert row.text == "a   b   c"
    assert copied([row], 0, 2) == "a\t"
    assert copied([row], 4, 9) == "b\tc"
    assert copied([row], 2, 5) == "b"


@pytest.mark.parametrize(
    "text",
    ["a\tb", "# a\tb", "- a\tb", "> a\tb", "| a\tb | c\td |\n|--|--|\n| e\tf | g\th |", "`a\tb`"],
)
def test_no_tab_is_drawn_and_every_one_is_copied(text: str) -> None:
    rows = rows_of(document(text), 40)
    assert not any("\t" in row.text for row in rows)
    assert copied(rows).count("a\tb") == 1


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


@pytest.mark.parametrize(
    "language", ["python", "c", "html", "php", "json", "diff", "rust", "bash", "unknown", ""]
)
def test_highlighting_line_by_line_keeps_the_text(language: str) -> None:
    lines = [
        'x = "a" # b',
        '"""doc',
        "/* c",
        "end */",
        "<b>t</b>",
        "",
        "    if (1) {",
        "y" * 2000,
        "é日本",
        "}",
    ] * 30
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
