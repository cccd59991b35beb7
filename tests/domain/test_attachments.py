"""Files that a message mentions become part of it, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.attachments import Mention, attached, block, candidates, files_meant, mentions
from modechat.domain.mode import ModeState
from modechat.domain.modes import Task, parse
from modechat.domain.typed import Typed


def paths(text: str) -> list[str]:
    return [mention.path for mention in mentions(Typed(text)) if not mention.is_escaped]


def with_files(text: str, files: dict[str, str]) -> Typed:
    """As the reader does it: the likeliest meaning that exists."""
    typed = Typed(text)
    found, escaped = {}, []
    for known in files_meant(typed, files.__contains__):
        if known.is_escaped:
            escaped.append(known)
        else:
            found[known] = files[known.path]
    return attached(typed, found, escaped)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see @a.txt and @b/c.py", ["a.txt", "b/c.py"]),
        ('see @"my file.txt" now', ["my file.txt"]),
        ("mail me@here.org", []),
        ("\\@a.txt", []),
        ("```\n@a.txt\n```\n@b.txt", ["b.txt"]),
        ("~~~\n@a.txt", []),
        ('@"open\n"', []),
        ("@", []),
        ("@~/x @/etc/hosts @../y", ["~/x", "/etc/hosts", "../y"]),
    ],
)
def test_a_mention_begins_a_word(text: str, expected: list[str]) -> None:
    assert paths(text) == expected


def test_what_was_pasted_big_mentions_nothing() -> None:
    assert mentions(Typed("@a @b @c", ((3, 5),))) == (Mention(0, 2, "a"), Mention(6, 8, "c"))


def test_a_sentence_may_end_after_a_name() -> None:
    assert [meant.path for meant in candidates(Mention(0, 8, "a.txt).", False))] == [
        "a.txt).",
        "a.txt)",
        "a.txt",
    ]


def test_the_text_comes_below_the_line_that_mentions_it() -> None:
    text = with_files("Compare @a.py with @b.txt, please.\nThanks", {"a.py": "A\n", "b.txt": "B"})
    assert (
        text.text
        == "Compare a.py with b.txt, please.\n\na.py:\n```py\nA\n```\n\nb.txt:\n```txt\nB\n```\n\nThanks"
    )


def test_a_line_that_is_nothing_but_the_mention_gives_way() -> None:
    typed = "### Instruction\nSummarise\n### Input\n@a.txt\n### Response\nIn short,"
    text = with_files(typed, {"a.txt": "### Response\nno"})
    assert parse(text, ModeState()) == Task(
        "Summarise", "a.txt:\n```txt\n### Response\nno\n```", "In short,"
    )


def test_the_fence_is_longer_than_any_inside() -> None:
    assert block("x.md", "a\n`````\nb") == "x.md:\n``````md\na\n`````\nb\n``````"


def test_names_are_one_line() -> None:
    assert block("a\nb\x1b]0;x.t`t", "c") == "a b\x1b]0;x.t`t:\n```\nc\n```"


def test_what_is_no_file_and_what_is_escaped_stay_text() -> None:
    assert with_files("ask @nobody or \\@a.txt", {"a.txt": "A"}).text == "ask @nobody or @a.txt"
    assert with_files("ask \\@nobody", {"a.txt": "A"}) == Typed("ask \\@nobody")


@given(st.text(alphabet='a@\\" \n`.x', max_size=40))
def test_without_files_nothing_changes(text: str) -> None:
    assert with_files(text, {}) == Typed(text)


@given(st.text(alphabet='a@\\" \n`.', max_size=40), st.text(alphabet="`~\nx#", max_size=20))
def test_every_text_of_a_file_is_there_as_it_is(text: str, content: str) -> None:
    typed = Typed(text)
    files = {meant: content for meant in files_meant(typed, bool) if not meant.is_escaped}
    whole = attached(typed, files)
    assert [whole.text[start:end] for start, end in whole.folds] == [
        block(meant.path, content) for meant in files
    ]


QUOTES = ['""', "''", "“”", "‘’", "„“", "„”", "‚‘", "«»", "»«", "‹›", "「」", "『』"]
NAMES = st.text(alphabet="ab. x", min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and not name.endswith(".")
)
SENTENCE_ENDS = st.sampled_from(["", ".", "!", "?", ",", "…", ".)", "?!"])


@pytest.mark.parametrize("quotes", QUOTES)
@given(name=NAMES, inside=SENTENCE_ENDS, outside=SENTENCE_ENDS)
def test_quotation_marks_go_and_the_sentences_punctuation_stays(
    quotes: str, name: str, inside: str, outside: str
) -> None:
    opens, closes = quotes[0], quotes[1]
    text = with_files(f"Look at @{opens}{name}{inside}{closes}{outside} now", {name: "A"})
    assert text.text == f"Look at {name}{inside}{outside} now\n\n{block(name, 'A')}"


@pytest.mark.parametrize("quotes", QUOTES)
@given(name=NAMES, end=st.sampled_from([".", "!", "…", ")"]))
def test_a_file_whose_name_ends_with_punctuation_is_meant_first(
    quotes: str, name: str, end: str
) -> None:
    opens, closes = quotes[0], quotes[1]
    mention = f"@{opens}{name}{end}{closes}"
    assert with_files(f"See {mention} now", {name: "A", f"{name}{end}": "B"}).text == (
        f"See {name}{end} now\n\n{block(f'{name}{end}', 'B')}"
    )
    assert with_files(mention, {f"{name}{end}": "B"}).text == block(f"{name}{end}", "B")


@pytest.mark.parametrize("quotes", QUOTES)
@given(name=NAMES)
def test_an_escaped_mention_loses_its_backslash_alone(quotes: str, name: str) -> None:
    opens, closes = quotes[0], quotes[1]
    plain = f"Look at @{opens}{name}{closes} now"
    assert with_files(plain.replace("@", "\\@"), {name: "A"}).text == plain
