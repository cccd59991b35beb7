"""Where emphasis begins and ends, and that formulas are no Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modechat.tui.render.parser import parser
from tests.examples import examples
from tests.tui.render.documents import document, rows_of

_ROOT = Path(__file__).parents[3]


def _marked(text: str) -> str:
    """The text with its emphasis in brackets: `{s}` is strong, `{e}` emphasised, `{x}` struck out."""
    names = {"strong": "s", "emphasis": "e", "strike": "x"}
    said = ""
    for row in rows_of(document(text), 500):
        for part, style in row.pieces:
            own = "".join(names[name] for name in style if name in names)
            said += f"{{{own}:{part}}}" if own else part
        said += "\n"
    return said.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**重要：**内容。", "{s:重要：}内容。"),
        ("**重要：**内容。**次：**別", "{s:重要：}内容。{s:次：}別"),
        ("この**「重要」**な点", "この{s:「重要」}な点"),
        ("**テスト。**これは", "{s:テスト。}これは"),
        ('그는 **"단어"**는 좋다', '그는 {s:"단어"}는 좋다'),
        ("**단어(word)**는", "{s:단어(word)}는"),
        ("내용**(강조)**입니다", "내용{s:(강조)}입니다"),
        ("*重要：*内容", "{e:重要：}内容"),
        ("__重要：__内容", "{s:重要：}内容"),
        ("変数_名前_です", "変数_名前_です"),
        ("~~削除。~~次", "{x:削除。}次"),
        ("***重要：***内容", "{es:重要：}内容"),
        ("**重要*斜体*：**内容", "{s:重要}{se:斜体}{s:：}内容"),
        ("**A（b）**と**C。**D", "{s:A（b）}と{s:C。}D"),
        ("**“重要”**内容", "{s:“重要”}内容"),
        ("**Note:**内容", "{s:Note:}内容"),
        ("**50%**的、増**50％**の", "{s:50%}的、増{s:50％}の"),
        ("**完成🎉**好", "{s:完成🎉}好"),
        ("| **项：**值 |\n|--|\n", "{s:项：}值\n──────"),
    ],
)
def test_emphasis_ends_beside_text_without_spaces(text: str, said: str) -> None:
    assert _marked(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "x**2 + y**2",
        "x**2+y**2",
        "a*b + c*d",
        "f(x*y) and g(a*b)",
        "2 * 3 * 4",
        "5**n, and 3**k",
        "(a+b)**2 + (c+d)**2",
    ],
)
def test_powers_and_products_keep_their_stars(text: str) -> None:
    assert _marked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "$2*x*y$ and $a_1 b_1$",
        "\\(x*y*z\\) \\[a\\\\b \\{c\\}\\]",
        "$$\\begin{a} 1 & 2 \\\\ \\{3\\} &amp; \\end{a}$$",
        "$\\$5*a*b$",
        "$$\na *b* [c](d) `\n".replace("`", "") + "$$",
        "$<http://x.y>$",
    ],
)
def test_formulas_are_shown_as_they_were_written(text: str) -> None:
    assert _marked(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$5 and $10 *x*", "$5 and $10 {e:x}"),
        ("US$5 *hi* 6$", "US$5 {e:hi} 6$"),
        ("$PATH *x* $USER", "$PATH {e:x} $USER"),
        ("`$a` *b* `$c`", "$a {e:b} $c"),
        ("\\(a *b*", "\\(a {e:b}"),
        ("$a *b*", "$a {e:b}"),
    ],
)
def test_money_and_variables_are_no_formulas(text: str, said: str) -> None:
    assert _marked(text) == said


_AS_STOCK = (
    *(
        "**bold** *em* ***both*** _em_ __bold__",
        "**sehr wichtig**e Dinge",
        "un*frigging*believable",
    ),
    *("foo**bar**baz",),
    *(
        "5*6*78",
        "snake_case_name",
        "__init__",
        "*foo bar*",
        "a * foo bar*",
        'a*"foo"*',
        "**foo*bar**",
        "*foo**bar**baz*",
    ),
    *(
        "***foo** bar*",
        "*foo **bar***",
        "foo***bar***baz",
        "**foo, bar, *baz* blim**",
        "(*foo*)",
        "**Gomphocarpus (*x*)**",
    ),
    *(
        "„**Wichtig:** das“",
        "**Wichtig:**das",
        "*(**foo**)*",
        "**foo [bar](/u)**",
        "*foo [*](a)*",
        "** a**",
        "rock*n*roll",
    ),
    *(
        "~~gone~~ ~one~",
        "**a**: *b*, _c_; `**d**`",
        "2\\*3\\*4",
        "don't *you*?",
        "* list *of* **things**",
        "A*-Algorithmus",
    ),
)


@pytest.mark.parametrize("text", [*_AS_STOCK, *(path.name for path in _ROOT.glob("*.md"))])
def test_ordinary_text_is_read_as_commonmark_says(text: str) -> None:
    if text.endswith(".md"):
        text = (_ROOT / text).read_text(encoding="utf-8")
    assert _tokens(parser(), text) == _tokens(_stock(), text)


_PARTS = ["**", "*", "_", "__", "word ", " text", ", ", ".", "(", ") ", "Größe ", "\n"]


@settings(max_examples=examples(300))
@given(
    st.lists(
        st.sampled_from(
            ["**", "*", "_", "__", "word ", " text", ", ", ".", "(", ") ", "Größe ", "\n"]
        )
    ).map("".join)
)
def test_markers_beside_spaces_and_punctuation_are_read_as_commonmark_says(text: str) -> None:
    words = text.replace("d*", "d *").replace("t*", "t *").replace("*w", "* w")
    assert _tokens(parser(), words) == _tokens(_stock(), words)


def _stock() -> MarkdownIt:
    return (
        MarkdownIt("commonmark", {"html": False})
        .enable(["table", "strikethrough"])
        .disable(["reference", "text_join"])
    )


def _tokens(made: MarkdownIt, text: str) -> list[object]:
    """Everything that is said of a text."""
    return [
        (token.type, token.content, [(child.type, child.content) for child in token.children or ()])
        for token in made.parse(text)
    ]
