"""Markdown that grows says the same as Markdown that came at once, and loses nothing."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modechat.tui.render.markdown import MarkdownDocument
from tests.examples import examples
from tests.tui.render.documents import (
    Painter,
    count_parsed,
    cut,
    document,
    looks,
    rows_of,
    shown,
    texts,
)


@settings(max_examples=examples(400))
@given(
    text=texts,
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    width=st.sampled_from([20, 40, 80]),
)
def test_how_it_came_makes_no_difference(text: str, sizes: list[int], width: int) -> None:
    grown = MarkdownDocument()
    for number, piece in enumerate(cut(text, sizes)):
        grown.append(piece)
        if number % 3 == 0:
            grown.height(width if number % 2 else 30)
    assert [looks(row) for row in rows_of(grown, width)] == [
        looks(row) for row in rows_of(document(text), width)
    ]


@settings(max_examples=examples(400))
@given(
    text=texts,
    sizes=st.lists(st.integers(1, 20) | st.integers(20, 300), min_size=1, max_size=5),
    width=st.sampled_from([20, 40, 80]),
)
def test_what_is_on_the_screen_is_the_same_however_it_came(
    text: str, sizes: list[int], width: int
) -> None:
    grown = MarkdownDocument()
    painter = Painter(grown, width)
    for number, piece in enumerate(cut(text, sizes)):
        grown.append(piece)
        painter.paint()
        if number % 3 == 0:
            painter.paint()
    assert [looks(row) for row in painter.painted] == [
        looks(row) for row in rows_of(document(text), width)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = 1\n```\n",
        "> ~~~ c++ title\n> y\n",
        "- a\n\n  ````rust\n  fn\n",
        "    x\n    y\n",
    ],
)
def test_the_title_of_code_says_its_language_wherever_its_line_was_cut(text: str) -> None:
    whole = shown(document(text), 40)
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            grown = MarkdownDocument()
            painter = Painter(grown, 40)
            for piece in (text[:first], text[first:second], text[second:]):
                grown.append(piece)
                painter.paint()
                painter.paint()
            assert [row.text for row in painter.painted] == whole


def test_a_table_that_grows_wider_in_its_last_piece_is_painted_anew() -> None:
    grown = MarkdownDocument()
    painter = Painter(grown, 40)
    last = "|a long cell|6|\n\nA paragraph.\n\nAnother one.\n\n"
    for piece in ("|a|b|\n|-|-|\n|1|2|\n", "|3|4|\n", last):
        grown.append(piece)
        painter.paint()
        painter.paint()
    assert painter.painted == rows_of(grown, 40)


@settings(max_examples=examples(200))
@given(text=texts, width=st.integers(1, 60))
def test_no_row_is_wider_than_the_window(text: str, width: int) -> None:
    for row in rows_of(document(text), width):
        assert row.cells <= max(width, 4), row


@settings(max_examples=examples(200))
@given(text=texts)
def test_no_word_is_lost(text: str) -> None:
    said = "".join(row.text[row.prefix :] + row.joint for row in rows_of(document(text), 60))
    for word in set(re.findall(r"nested|quote|plus|word|para|bold|think|日本語", text)):
        assert word in said, word


@pytest.mark.parametrize(
    "deep", ["".join(f"{'  ' * level}- item{level}\n" for level in range(60)), f"{'>' * 90} deep"]
)
@pytest.mark.parametrize("sizes", [(3, 40), (10_000,)])
def test_nothing_is_lost_however_deep_it_is_nested(deep: str, sizes: tuple[int, ...]) -> None:
    made = document(*cut(f"{deep}\n\nafter", sizes))
    said = "\n".join(shown(made, 40)).split()
    assert said[-1] == "after"
    assert all(word in said for word in re.findall(r"item\d+|deep", deep))


def test_deep_nesting_leaves_half_of_a_narrow_window_to_the_text() -> None:
    assert shown(document("> " * 8 + "- deep quote"), 12) == ["▌ ▌ • deep", "▌ ▌   quote"]


def test_a_fence_with_a_bar_in_its_first_line_stays_one() -> None:
    assert shown(document(*"```|x\n\n-|-"), 20) == shown(document("```|x\n\n-|-"), 20)


def test_emoji_in_code_are_as_wide_as_they_are() -> None:
    family = "\U0001f469\u200d\U0001f467"
    assert all(
        row.cells <= 20
        for row in rows_of(document(f"```python\n* {family}(ab){{<thinkxyz+1\n"), 20)
    )


def test_a_table_becomes_fields_when_the_window_is_made_narrow() -> None:
    made = document("| a | b | c |\n|-|-|-|\n| one | two | three |\n")
    assert shown(made, 40)[0].startswith("a ")
    assert shown(made, 8) == shown(document("| a | b | c |\n|-|-|-|\n| one | two | three |\n"), 8)


def test_the_elements() -> None:
    text = """\
# Title
Some **bold**, *em*, ~~gone~~ and `code` with [a link](http://example.org) <think>so</think> vector<int>.
- one
  - nested
    1. deep
- [ ] to do
- [x] done

> quoted
> - in it

| Name | 日本 |
|:--|--:|
| a | 1 |

***

```python
def f():
    return 1
```
Said[^1].

[^1]: a footnote
"""
    assert shown(document(text), 80) == [
        "Title",
        "Some bold, em, gone and code with a link (http://example.org) <think>so</think>",
        "vector<int>.",
        "• one",
        "  ◦ nested",
        "    1. deep",
        "☐ to do",
        "☑ done",
        "",
        "▌ quoted",
        "▌ • in it",
        "",
        "Name │ 日本",
        "─────┼─────",
        "a    │    1",
        "",
        "─" * 80,
        "",
        " python" + " " * 69 + "[1] ",
        " def f():",
        "     return 1",
        "",
        "Said[^1].",
        "",
        "[^1]: a footnote",
    ]


def test_code_is_found_by_its_number() -> None:
    made = document("```sh\nls\n```\nand\n```py\nx = 1\ny = 2")
    assert [(code.number, code.language, code.source) for code in made.code_blocks] == [
        (1, "sh", "ls"),
        (2, "py", "x = 1\ny = 2"),
    ]


def test_addresses_are_said_and_dangerous_ones_are_no_links() -> None:
    rows = shown(
        document(
            "[pay](javascript:alert) [here](file:///etc/passwd) <http://x.org> [y](http://y.org)"
        ),
        120,
    )
    assert rows == [
        "[pay](javascript:alert) [here](file:///etc/passwd) http://x.org y (http://y.org)"
    ]


def test_formulas_keep_their_backslashes() -> None:
    assert shown(document(r"\(a^2\) \[b\] \*no\*"), 80) == [r"\(a^2\) \[b\] *no*"]


def test_the_beginning_of_a_fences_end_is_not_shown_as_code() -> None:
    assert shown(document("```\nx\n``"), 20)[1:] == [" x"]


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "abcd",
        "- item of a list\n",
        "    code\n",
        "| a | b |\n",
        "> quoted\n",
        "  - deep\n",
        "日本語",
        "**b** ",
    ],
)
@pytest.mark.every_day(3)
def test_what_is_parsed_again_does_not_grow(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    openings = {"    ": "```\n", "| a ": "| a | b |\n|---|---|\n"}
    made = document(openings.get(unit[:4], "- x\n\n"))
    parsed = count_parsed(monkeypatch)
    for piece in cut(unit * 4000, [200]):
        made.append(piece)
        made.height(80)
    assert max(parsed[-20:]) < 6200


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.every_day(4)
def test_a_long_paragraph_in_one_line_is_whole(seed: int) -> None:
    words = random.Random(seed)
    choices = ["alpha", "**beta**", "`gamma`", "日本語", "x" * 40, "-", "1.", "#"]
    text = "Once " + " ".join(words.choice(choices) for _ in range(2000))
    prefix = words.choice(["", "- ", "> ", "> 1. "])
    grown = document(*cut(prefix + text, [words.randint(1, 60), 300]))
    said = "".join(row.text[row.prefix :] for row in rows_of(grown, 70))
    assert re.sub(r"\s", "", said) == re.sub(r"[\s*`]", "", text)


@pytest.mark.parametrize(
    "unit", ["[", "![", "> ", "- ", "1. ", "*", "`", "_a", "| ", "<", "\\\\", "&", "~", "# "]
)
@pytest.mark.every_day(6)
def test_thousands_of_the_same_do_no_harm(unit: str) -> None:
    text = unit * (30_000 // len(unit))
    made = document(*cut(text, [7000]))
    assert made.height(80) > 0
    assert document(text).height(80) > 0
