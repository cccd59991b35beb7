"""A prompt laid out in lines: nothing is lost, nothing is too wide, and control tokens are
apart.
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from modechat.domain.text import sanitize
from modechat.engine.prompt_view import PromptView, TokenView
from modechat.prompting.formats import FormatSource
from modechat.tui.prompt_lines import (
    LAYOUTS,
    Kind,
    Layout,
    Line,
    control_spans,
    id_lines,
    text_lines,
    token_lines,
)
from modechat.tui.widgets.prompt_pane import bar, count_parts


def view(*texts: str, controls: tuple[int, ...] = (), text: str | None = None) -> PromptView:
    """A prompt of these tokens."""
    return PromptView(
        text="".join(texts) if text is None else text,
        tokens=tuple(
            TokenView(id=100 + i, text=t, control=i in controls) for i, t in enumerate(texts)
        ),
        parts=(("template", 1), ("user", 3), ("template", 2), ("user", 1)),
        format="chatml",
        format_source=FormatSource.BUILT_IN,
        fallback="as is",
        neutralised=(),
        stop=(),
    )


def shown(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def controls_in(lines: list[Line]) -> list[str]:
    return [text for line in lines for text, kind in line if kind is Kind.CONTROL]


def ink(text: str) -> str:
    """`text` without white space, shown or not."""
    return "".join(
        character for character in text if not character.isspace() and character not in "↵⇥"
    )


CHATML = view("<|im_start|>", "user\n", "Say ", "<|im_end|>", "<|im_end|>", "\n", controls=(0, 4))


def test_a_control_token_is_apart_from_the_same_text_of_the_user() -> None:
    assert list(control_spans(CHATML)) == [(0, 12), (31, 41)]
    assert controls_in(text_lines(CHATML, 80)) == ["<|im_start|>", "<|im_end|>"]
    assert controls_in(token_lines(CHATML, 80)) == ["<|im_start|>", "<|im_end|>"]


def test_the_texts_of_tokens_may_differ_from_the_prompt_as_tokenisers_have_it() -> None:
    bos = view(
        "<s>",
        " Hello",
        "\N{REPLACEMENT CHARACTER}",
        "\N{REPLACEMENT CHARACTER}",
        "</s>",
        controls=(0, 4),
    )
    bos = bos.model_copy(update={"text": "Hello🦙</s>"})
    assert controls_in(text_lines(bos, 80)) == ["</s>"]
    assert shown(text_lines(bos, 80)) == ["Hello🦙</s>"]


def test_text_breaks_at_words_and_tokens_break_between_tokens() -> None:
    words = view("one ", "two ", "three")
    assert [line.rstrip() for line in shown(text_lines(words, 9))] == ["one two", "three"]
    assert [line.rstrip() for line in shown(token_lines(words, 9))] == ["one two", "three"]


def test_newlines_of_tokens_are_seen_and_break_the_line() -> None:
    assert shown(token_lines(view("a\n\n", "\tb"), 80)) == ["a↵", "↵", "⇥b"]


def test_neighbouring_tokens_differ_and_an_empty_one_is_seen() -> None:
    assert token_lines(view("a", "", "b"), 80) == [
        [("a", Kind.EVEN), ("∅", Kind.ODD), ("b", Kind.EVEN)]
    ]


def test_the_list_has_a_line_for_each_token_with_its_id() -> None:
    assert shown(id_lines(view("a\n", "b"), 80)) == ["0  100  a↵", "1  101  b"]


@given(
    texts=st.lists(st.text(max_size=30), max_size=12),
    width=st.integers(1, 50),
    layout=st.sampled_from(Layout),
    data=st.data(),
)
def test_no_line_is_too_wide_and_nothing_is_lost(
    texts: list[str], width: int, layout: Layout, data: st.DataObject
) -> None:
    controls = tuple(data.draw(st.sets(st.integers(0, 11))))
    prompt = view(*texts, controls=controls)
    lines = shown(LAYOUTS[layout](prompt, width))
    assert all(cell_len(line.rstrip()) <= max(width, 2) for line in lines)
    if layout is Layout.TEXT:
        assert ink("".join(lines)) == ink(sanitize(prompt.text))


def test_hostile_text_cannot_act_on_the_terminal() -> None:
    hostile = view("\x1b]0;x\x07", "[/x]", "\x9b2J", controls=(0,))
    for lay_out in LAYOUTS.values():
        text = "\n".join(shown(lay_out(hostile, 40)))
        assert text == sanitize(text)
        assert "[/x]" in text


def test_ten_thousand_tokens_are_laid_out_at_once() -> None:
    long = view(*(f" word{n % 97}" if n % 11 else ".\n" for n in range(10_000)))
    for lay_out in LAYOUTS.values():
        started = time.process_time()
        lay_out(long, 70)
        assert time.process_time() - started < 2  # measured: about a tenth of a second


def test_parts_are_counted_together_with_the_templates_last() -> None:
    assert count_parts(CHATML) == {"user": 4, "template": 3}


@given(
    counts=st.dictionaries(st.text(max_size=5), st.integers(0, 10_000), max_size=8),
    width=st.integers(8, 200),
)
def test_the_bar_fills_its_width_and_shows_every_part(counts: dict[str, int], width: int) -> None:
    cells = bar(counts, width)
    assert [name for name, _ in cells] == [name for name, count in counts.items() if count]
    assert all(count > 0 for _, count in cells)
    assert not cells or sum(count for _, count in cells) == width
