"""A reply that begins to write another role's turn is stopped there; honest text is not."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modechat.prompting.leaks import LeakDetector
from tests.domain.test_text import cut, cuts

TOKENS = [
    "<|im_start|>",
    "<|im_end|>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "### Instruction:",
    "<｜User｜>",
]
WORDS = ["User:", "USER:", "Human:", "ASSISTANT:", "Power User:"]
MARKERS = [*TOKENS, *WORDS]

texts = st.lists(
    st.sampled_from(
        [
            *MARKERS,
            "<|im_",
            "start|>",
            "end|>",
            "### ",
            "Instruction:",
            "User",
            ":",
            "Hum",
            "[IN",
            "ST]",
            "[",
            "<",
        ]
        + ["\n"] * 8
        + [
            "`",
            "`",
            "```",
            "```\n",
            "\n```",
            "\n````\n",
            "~~~\n",
            "\n  - ```py\n",
            '"',
            "“",
            " ",
            "a",
            "é",
            "\r\n",
        ]
    )
).map("".join)


def read(
    pieces: Iterable[str], markers: Iterable[str] = MARKERS, *conversation: str
) -> tuple[str, str | None]:
    """What is shown of a reply in pieces (a `str` is one of single characters), and the marker that
    ended it.
    """
    detector = LeakDetector(markers, conversation)
    shown = ""
    for piece in pieces:
        text, marker = detector.feed(piece)
        shown += text
        if marker:
            return shown, marker
    return shown + detector.flush(), None


def in_code(before: str) -> bool:
    """Whether what comes after `before` is code, by looking at every line from the start."""
    *lines, line = before.split("\n")
    fence = ""
    for earlier in lines:
        run = re.match(r"[ >]*(?:- )?(`{3,}|~{3,})(.*)", earlier, re.DOTALL)
        if (
            fence
            and run
            and "- " not in earlier
            and run[1].startswith(fence)
            and not run[2].strip()
        ):
            fence = ""
        elif not fence and run and not (run[1][0] == "`" and "`" in run[2]):
            fence = run[1]
    span = ""
    for ticks in re.findall("`+", line):
        span = ticks if not span else "" if ticks == span else span
    return bool(fence or span)


def counts(marker: str, before: str) -> bool:
    """Whether `marker`, or a beginning of one, counts after `before`."""
    if in_code(before):
        return False
    if any(word.startswith(marker) for word in WORDS):
        return before.endswith("\n") and bool(before.strip())
    return before[-1:] not in tuple('`"“')


def reference(text: str) -> tuple[str, str | None]:
    """What the detector finds, by trying every marker at every place of the whole text."""
    for end in range(1, len(text) + 1):
        starting = [(end - len(m), m) for m in MARKERS if text.endswith(m, 0, end)]
        counting = [(start, m) for start, m in starting if counts(m, text[:start])]
        if counting:
            start, marker = min(counting)
            return text[:start], marker
    return text, None


@given(texts, cuts)
@example("a\nUser: b", [])
@example("````\n```\n[INST]", [])
@example("a `b`` c [INST]", [])
def test_the_pieces_make_no_difference(text: str, at: list[int]) -> None:
    assert read(cut(text, at)) == reference(text)


@given(texts)
def test_only_what_could_become_a_marker_is_held_back(text: str) -> None:
    shown, marker = LeakDetector(MARKERS, ()).feed(text)
    if marker is None:
        beginnings = {m[:end] for m in MARKERS for end in range(1, len(m))}
        held = [
            at
            for at in range(len(text))
            if text[at:] in beginnings and counts(text[at:], text[:at])
        ]
        assert len(shown) == min(held, default=len(text))


@given(texts, texts)
def test_after_a_marker_nothing_comes(text: str, more: str) -> None:
    detector = LeakDetector(MARKERS, ())
    detector.feed("a\n")
    assert detector.feed("User:" + text) == ("", "User:")
    assert detector.feed(more)[0] == ""
    assert detector.flush() == ""


@given(texts, st.sampled_from(TOKENS), st.text("ab \n"))
def test_an_unmistakable_marker_counts_anywhere(text: str, marker: str, before: str) -> None:
    assert read([before + marker + text]) == (before, marker)


@given(st.text(), cuts)
def test_without_markers_everything_passes_at_once(text: str, at: list[int]) -> None:
    detector = LeakDetector((), ())
    assert [detector.feed(piece) for piece in cut(text, at)] == [
        (piece, None) for piece in cut(text, at)
    ]


# Words


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("Yes.\nUser: And?", "Yes.\n"),
        ("Yes.\n\nHuman: And?", "Yes.\n\n"),
        ("Yes.\r\nUSER:", "Yes.\r\n"),
        ("\nYes.\nASSISTANT: no", "\nYes.\n"),
        ("User: a\nUser: b", "User: a\n"),
        ("Yes.\nPower User: x", "Yes.\n"),
    ],
)
def test_a_word_at_the_start_of_a_later_line_ends_the_reply(reply: str, shown: str) -> None:
    marker = reply[len(shown) :].partition(":")[0] + ":"
    assert read(reply) == read([reply]) == (shown, marker)


@pytest.mark.parametrize(
    "reply",
    [
        "User: first line",
        "\n \nUser: still the first line that has text",
        "The User: a person",
        "Yes.\n User: indented",
        "Yes.\n**User:** bold",
        "Yes.\nuser: in another case",
        "Yes.\nUSERS: more than it",
        "Yes.\nUser : a space",
        "Yes.\nUser",
        "Yes.\rUser: no new line",
        "Yes.\n> User: quoted",
    ],
)
def test_a_word_anywhere_else_is_text(reply: str) -> None:
    assert read(reply) == read([reply]) == (reply, None)


# What the user talks about


@pytest.mark.parametrize("conversation", ["What does <|im_start|> mean?", "x<|im_start|>y"])
def test_a_marker_in_the_conversation_is_off(conversation: str) -> None:
    assert read("It is <|im_start|>.", MARKERS, "Hello", conversation) == (
        "It is <|im_start|>.",
        None,
    )
    assert read("It is <|im_end|>.", MARKERS, "Hello", conversation) == ("It is ", "<|im_end|>")


@pytest.mark.parametrize(
    "conversation", ["A user logs in.", "USER", "who?\nUser: me", "(user)", "the\nuser's"]
)
def test_a_word_in_the_conversation_is_off_in_any_case(conversation: str) -> None:
    assert read("Yes.\nUser: a", MARKERS, conversation) == ("Yes.\nUser: a", None)
    assert read("Yes.\nHuman: a", MARKERS, conversation) == ("Yes.\n", "Human:")


@pytest.mark.parametrize("conversation", ["Users log in.", "superuser", "user_name", "useré", ""])
def test_a_part_of_another_word_does_not_switch_a_word_off(conversation: str) -> None:
    assert read("Yes.\nUser: a", MARKERS, conversation) == ("Yes.\n", "User:")


def test_markers_are_told_apart_by_case_in_the_conversation_but_words_are_not() -> None:
    assert read("a [INST]", MARKERS, "what is [inst]?") == ("a ", "[INST]")
    assert read("a\nUSER: b", MARKERS, "what is a user?") == ("a\nUSER: b", None)


def test_what_is_off_does_not_hide_what_is_on() -> None:
    markers = ["<|im_start|>", "<|im_start|>user"]
    assert read("a <|im_start|>user", markers) == ("a ", "<|im_start|>")
    assert read("a <|im_start|>user", markers, "is <|im_start|> a token?") == (
        "a ",
        "<|im_start|>user",
    )
    assert read("a <|im_start|>use", markers, "is <|im_start|> a token?") == (
        "a <|im_start|>use",
        None,
    )


# Code and quotations


@pytest.mark.parametrize(
    "reply",
    [
        "The token `<|im_start|>` begins a turn.",
        "Write `a [INST] b` here.",
        "Write ``a ` [INST] b`` here.",
        'The "### Instruction:" heading.',
        "The “[INST]” and «[/INST]» and '<<SYS>>' marks.",
        "```\n### Instruction:\n```",
        "``` text <|im_start|>\n",
        "```python\na\nUser: b\n",
        "~~~\n[INST]\n```\n[INST]\n~~~",
        "````\n```\n[INST]\n```\n[INST]\n````",
        "1. So:\n   ```\n   [INST]\n   ```",
        "- ```\n  [INST]\n  ```",
        "> ```\n> [INST]\n> ```",
        "```\n``` not closed\n[INST]\n```",
    ],
)
def test_code_and_quotations_are_text(reply: str) -> None:
    assert read(reply) == read([reply]) == (reply, None)


@pytest.mark.parametrize(
    "before",
    [
        "```\ncode\n```\n",
        "```\ncode\n```  \r\n",
        "~~~\n```\n~~~\n",
        "```\ncode\n`````\n",
        "``` code ``` ",
        "`code` ",
        "``a ` b`` ",
        "an odd ` here\n",
        "it's ",
        '"quoted" ',
        "```a`\n",
        "``\n",
    ],
)
def test_after_code_and_quotations_markers_count_again(before: str) -> None:
    assert read(before + "[INST] a") == read([before + "[INST] a"]) == (before, "[INST]")


@pytest.mark.parametrize(
    "reply", ["Us", "a\nb User", "a\n User", "a\n**Hum", "`<|im_", '"[INS', "a `b [INS"]
)
def test_nothing_is_held_back_where_no_marker_counts(reply: str) -> None:
    assert LeakDetector(MARKERS, ()).feed(reply) == (reply, None)


def test_nothing_is_held_back_in_code() -> None:
    detector = LeakDetector(MARKERS, ())
    assert detector.feed("```\n### Instr") == ("```\n### Instr", None)
    assert detector.feed("uction: `[INS") == ("uction: `[INS", None)


# Markers


@pytest.mark.parametrize("reply", ["a <|im_start|", "a <|im_", "a <", "a [", "a ##", "a\nUse"])
def test_the_beginning_of_a_marker_is_shown_when_the_reply_ends(reply: str) -> None:
    assert read(reply) == read([reply]) == (reply, None)


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_at_the_very_end_is_found(marker: str) -> None:
    assert read(f"é😀\n{marker}") == ("é😀\n", marker)


@pytest.mark.parametrize(
    "reply", ["a <|im_star t|>", "[inst]", "## Instruction:", "<end_of_turns>", "### Instructions:"]
)
def test_what_is_nearly_a_marker_is_text(reply: str) -> None:
    assert read(reply) == (reply, None)


def test_a_beginning_within_a_beginning_is_found() -> None:
    assert read("a <|im_<|im_end|>") == ("a <|im_", "<|im_end|>")
    assert read("a [[INST]") == ("a [", "[INST]")
    assert read("a #### Instruction:") == ("a #", "### Instruction:")


def test_of_markers_within_one_another_the_one_that_ends_first_counts() -> None:
    markers = ["[INST] <<SYS>> You", "<<SYS>>"]
    assert read("a [INST] <<SYS>> You", markers) == ("a [INST] ", "<<SYS>>")
    assert read(["a [INST] <<SYS>> You"], markers) == ("a [INST] ", "<<SYS>>")


def test_of_markers_that_end_together_the_longest_counts() -> None:
    assert read("a <|s|>[INST]", ["[INST]", "<|s|>[INST]"]) == ("a ", "<|s|>[INST]")
    assert read("a [INST]", ["[INST]", "<|s|>[INST]"]) == ("a ", "[INST]")


def test_outer_white_space_of_a_marker_makes_no_difference() -> None:
    assert read("a\nUser: b [INST]", ["\nUser:", " [INST] "]) == ("a\n", "User:")
    assert read("a[INST]", ["\n\nHuman: ", " [INST] "]) == ("a", "[INST]")


@pytest.mark.parametrize(
    "marker", ["", " ", "###", "\nUser", "</s>", "<s>", "a", "# Title:", "..."]
)
def test_a_marker_of_no_known_kind_is_ignored(marker: str) -> None:
    assert read(f"a\n{marker} b\n", [marker]) == (f"a\n{marker} b\n", None)


def test_a_long_reply_takes_linear_work() -> None:
    # Every beginning and every quoted marker is looked at once; the text before it never again.
    reply = 'a <|im_start "[INST] ### Instr `[INST]` ' * 2000
    detector = LeakDetector(MARKERS, ())
    shown = (
        "".join(detector.feed(reply[at : at + 4])[0] for at in range(0, len(reply), 4))
        + detector.flush()
    )
    assert shown == reply
