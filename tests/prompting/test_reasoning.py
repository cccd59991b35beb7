"""What a reasoning model thought and what it answered, from a reply that arrives in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modechat.prompting.reasoning import (
    HARMONY,
    KNOWN_TAGS,
    ReasoningSplitter,
    ReasoningTags,
    marker_texts,
    tags_of,
)
from tests.domain.test_text import cut, cuts

THINK = ReasoningTags("<think>", "</think>")
MARCO = ReasoningTags("<Thought>", "</Thought>", "<Output>", "</Output>")
PAIRS = [tags for tags in KNOWN_TAGS if tags != HARMONY]

CHATML = "<|im_start|>assistant\n"
GPT_OSS = "<|end|><|start|>assistant"

replies = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<thi",
            "nk>",
            "</thin",
            "k>",
            "<",
            ">",
            "/",
            " ",
            "\n\n",
            "a",
            "思",
            "</",
        ]
    )
).map("".join)

HEADERS = {
    "<|channel|>analysis<|message|>": "thinking",
    "<|channel|>final<|message|>": "answer",
    "<|start|>assistant<|channel|>final<|message|>": "answer",
    "<|start|>assistant<|message|>": "answer",
    "<|end|><|start|>assistant<|channel|>analysis<|message|>": "thinking",
    "<|end|>\n<|start|>assistant<|channel|>final<|message|>": "answer",
    "<|end|><|start|>user<|message|>": "nothing",
    "<|end|><|start|>assistant to=functions.get_time<|channel|>commentary json<|message|>": "thinking",
    "<|call|><|start|>functions.get_time to=assistant<|channel|>commentary<|message|>": "nothing",
    "<|end|><|channel|>commentary to=functions.f <|constrain|>json<|message|>": "thinking",
    "<|end|><|start|>assistant<|channel|>commentary to=assistant<|channel|>final<|message|>": "answer",
}
"""Headers of messages, and what follows them."""
TOKENS = [
    "<|start|>",
    "<|channel|>",
    "<|message|>",
    "<|end|>",
    "<|return|>",
    "assistant",
    "final",
    "<|",
    " to=",
    "|>",
]
harmony_replies = st.lists(st.sampled_from([*HEADERS, *TOKENS, "a", "思", " ", "\n"])).map("".join)


def split(
    reply: Iterable[str], tags: Iterable[ReasoningTags] = (THINK,), prompt: str = CHATML
) -> tuple[str, str]:
    """Thinking and answer of a reply in pieces (a `str` is one of single characters)."""
    splitter = ReasoningSplitter(tuple(tags), prompt)
    parts = [*map(splitter.feed, reply), splitter.flush()]
    return "".join(part.thinking for part in parts), "".join(part.answer for part in parts)


def in_the_open(
    text: str, tags: Iterable[ReasoningTags] = (THINK,), prompt: str = CHATML
) -> tuple[str, str]:
    """What is shown of a reply that goes on."""
    return ReasoningSplitter(tuple(tags), prompt).feed(text)


def reference(reply: str, opened: bool) -> tuple[str, str]:
    """The same for `<think>`, of a whole reply."""
    opening = r"(?:\s*<think>)?" if opened else r"\s*<think>"
    block = re.fullmatch(rf"{opening}(.*?)(?:</think>(.*))?", reply, re.DOTALL)
    return (trimmed(block[1]), trimmed(block[2] or "")) if block else ("", trimmed(reply))


def trimmed(text: str) -> str:
    """Without outer white space, but for an indent of the first line that is more than a single
    space.
    """
    core = text.strip()
    indent = re.search(r"[^\n]*\Z", text[: text.find(core)]) if core else None
    return core if indent is None or indent[0] == " " else indent[0] + core


# One pair of tags


@given(replies, cuts, st.booleans())
@example("<think>a</think>b", [], False)
@example("  <thi", [], True)
def test_the_pieces_make_no_difference(reply: str, at: list[int], opened: bool) -> None:
    prompt = CHATML + "<think>\n" * opened
    assert split(cut(reply, at), prompt=prompt) == reference(reply, opened)


@given(replies, st.booleans())
def test_only_what_could_be_a_tag_is_held_back(reply: str, opened: bool) -> None:
    splitter = ReasoningSplitter([THINK], CHATML + "<think>\n" * opened)
    thinking, answer = splitter.feed(reply)
    held = splitter.flush()
    assert (thinking + held.thinking, answer + held.answer) == reference(reply, opened)
    beginnings = {tag[:end] for tag in (THINK.open, THINK.close) for end in range(len(tag))}
    assert held.thinking.lstrip() in beginnings
    assert held.answer.lstrip() in beginnings
    assert not (answer and held.answer)


@pytest.mark.parametrize("tags", PAIRS, ids=lambda tags: tags.open + tags.answer_open)
def test_every_family_is_split_wherever_a_piece_ends(tags: ReasoningTags) -> None:
    reply = f"\n{tags.open}\nWhy?\n{tags.close}\n\n{tags.answer_open}So.\n{tags.answer_close}\n"
    assert split(reply, [tags]) == ("Why?", "So.")
    for place in range(len(reply)):
        assert split([reply[:place], reply[place:]], [tags]) == ("Why?", "So.")
        assert split([reply[:place], reply[place:]], PAIRS) == ("Why?", "So.")


@given(replies, cuts)
@example("  <think>", [])
def test_an_ordinary_models_tags_are_text(reply: str, at: list[int]) -> None:
    assert split(cut(reply, at), tags=()) == ("", trimmed(reply))


@given(replies, cuts)
def test_a_block_that_comes_later_is_text(reply: str, at: list[int]) -> None:
    assert split(cut(f"So {reply}", at)) == ("", f"So {reply}".strip())
    assert split(cut(f"<think>a</think>So {reply}", at)) == ("a", f"So {reply}".strip())


@pytest.mark.parametrize(
    ("reply", "thinking", "answer"),
    [
        ("", "", ""),
        (" \n", "", ""),
        ("<think></think>", "", ""),
        ("<think>\n\n</think>\n\nYes", "", "Yes"),
        ("<think>Hm</think>", "Hm", ""),
        ("<think>Hm, cut here", "Hm, cut here", ""),
        ("<think>Hm </thi", "Hm </thi", ""),
        ("<think", "", "<think"),
        ("<thinker> is a tag", "", "<thinker> is a tag"),
        ("<Think>no</Think>", "", "<Think>no</Think>"),
        ("</think>Yes", "", "</think>Yes"),
        ("<think>a<think>b</think>c</think>d", "a<think>b", "c</think>d"),
        ("<think>a < b </ c</think>d", "a < b </ c", "d"),
        ("<think>a<</think>b", "a<", "b"),
        ("<think>a</</think>b", "a</", "b"),
        ("\n\n<think>思考\u2003</think>\u3000é😀", "思考", "\u3000é😀"),
    ],
)
def test_a_reply_that_begins_outside(reply: str, thinking: str, answer: str) -> None:
    assert split(reply) == split([reply]) == (thinking, answer)


@pytest.mark.parametrize(
    ("reply", "thinking", "answer"),
    [
        ("", "", ""),
        ("Hm</think>Yes", "Hm", "Yes"),
        ("</think>Yes", "", "Yes"),
        ("\n<think>\nHm</think>Yes", "Hm", "Yes"),
        ("<think>", "", ""),
        ("<thi", "<thi", ""),
        ("<this> Hm</think>Yes", "<this> Hm", "Yes"),
        ("<think><think>Hm</think>Yes", "<think>Hm", "Yes"),
        ("Hm, cut here", "Hm, cut here", ""),
    ],
)
@pytest.mark.parametrize(
    "prompt", ["<｜Assistant｜><think>\n", "<|im_start|>assistant\n<think>\n\n", "<think>"]
)
def test_a_reply_that_begins_in_the_thinking_that_the_prompt_opened(
    reply: str, thinking: str, answer: str, prompt: str
) -> None:
    assert split(reply, prompt=prompt) == split([reply], prompt=prompt) == (thinking, answer)


@pytest.mark.parametrize(
    "end", ["<think>\n\n</think>\n\n", "<think></think>", "<｜Assistant｜></think>", "<thinking>"]
)
def test_a_prompt_that_closed_its_thinking_leaves_the_reply_outside(end: str) -> None:
    assert split("Yes", prompt=CHATML + end) == ("", "Yes")
    assert split("Yes </think> no", prompt=CHATML + end) == ("", "Yes </think> no")


def test_the_tag_that_the_prompt_ends_with_is_the_one_that_closes() -> None:
    pair = ReasoningTags("[THINK]", "[/THINK]")
    assert split("a</think>b[/THINK]c", [THINK, pair], "[/INST][THINK]") == ("a</think>b", "c")
    assert split("[THINK]a</think>b[/THINK]c", [THINK, pair]) == ("a</think>b", "c")


def test_of_tags_that_are_beginnings_of_one_another_the_longest_counts() -> None:
    tags = [ReasoningTags("<t", ">"), ReasoningTags("<t>", "</t>")]
    assert split("<t>a</t>b", tags) == ("a", "b")
    assert split("<ta>b", tags) == ("a", "b")
    assert split("<t", tags) == ("", "")


def test_gemma_needs_no_newline_after_its_opening_tag() -> None:
    gemma = next(tags for tags in KNOWN_TAGS if tags.close == "<channel|>")
    assert split("<|channel>thought\nHm<channel|>Yes", [gemma]) == ("Hm", "Yes")
    assert split("<|channel>thought<channel|>Yes", [gemma]) == ("", "Yes")
    assert split("Hm<channel|>Yes", [gemma], "<|turn>model\n<|channel>thought\n") == ("Hm", "Yes")
    assert split("Yes", [gemma], "<|turn>model\n<|channel>thought\n<channel|>") == ("", "Yes")


# What stands around the answer


@pytest.mark.parametrize(
    ("reply", "thinking", "answer"),
    [
        ("<Thought>a</Thought>\n<Output>\nb\n</Output>\n", "a", "b"),
        ("<Thought>a</Thought>b", "a", "b"),
        ("<Thought>a</Thought><Output>cut </Out", "a", "cut </Out"),
        ("<Thought>a</Thought><Outpu", "a", "<Outpu"),
        ("<Thought>a</Thought><Output></Output>b</Output>", "a", "</Output>b"),
        ("<Thought>a</Thought><Output>b</Output></Output>", "a", "b</Output>"),
        ("<Thought>a</Thought>b <Output>c</Output>", "a", "b <Output>c</Output>"),
        ("<Output>b</Output>", "", "b"),
        ("b</Output>", "", "b</Output>"),
    ],
)
def test_tags_around_the_whole_answer_are_removed(reply: str, thinking: str, answer: str) -> None:
    assert split(reply, [MARCO]) == split([reply], [MARCO]) == (thinking, answer)


@given(
    st.lists(st.sampled_from(["</Output>", "</Out", "put>", " ", "\n", "a", "<"])).map("".join),
    cuts,
)
def test_what_closes_the_answer_counts_at_the_very_end_only(answer: str, at: list[int]) -> None:
    expected = trimmed(answer.rstrip().removesuffix("</Output>"))
    assert split(cut(f"<Output>{answer}", at), [MARCO]) == ("", expected)


def test_another_familys_tags_around_the_answer_are_text() -> None:
    assert split("<think>a</think><Output>b</Output>", [MARCO, THINK]) == (
        "a",
        "<Output>b</Output>",
    )


def test_an_answer_that_the_prompt_opened_is_closed_too() -> None:
    command_r7b = [tags for tags in KNOWN_TAGS if tags.open == "<|START_THINKING|>"]
    prompt = "<|CHATBOT_TOKEN|><|START_RESPONSE|>"
    assert split("So.<|END_RESPONSE|>", command_r7b, prompt) == ("", "So.")
    assert split(
        "<|START_TEXT|>So.<|END_TEXT|>", command_r7b, "<|START_THINKING|><|END_THINKING|>"
    ) == ("", "So.")


# Harmony


@pytest.mark.parametrize(
    ("reply", "thinking", "answer"),
    [
        (
            "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>",
            "Hm",
            "Yes",
        ),
        ("<|start|>assistant<|channel|>final<|message|> Yes <|end|>\n", "", "Yes"),
        ("<|channel|>final<|message|>Yes<|end|>", "", "Yes"),
        ("\n<|channel|>final<|message|>Yes", "", "Yes"),
        ("<|message|>Yes", "", "Yes"),
        ("<|channel|>analysis<|message|>Hm, cut <|en", "Hm, cut <|en", ""),
        ("<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|chan", "Hm", ""),
        (
            "<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final<|message|>Yes",
            "Hm",
            "Yes",
        ),
        ("<|channel|>analysis<|message|>Hm<|end|><|channel|>final<|message|>Yes", "Hm", "Yes"),
        ("<|channel|>analy", "", ""),
        ("Yes", "", "Yes"),
        ("assistant", "", "assistant"),
        (" to be", "", "to be"),
        ("a <| b", "", "a <| b"),
        ("<", "", "<"),
        ("", "", ""),
        (
            "<|channel|>final<|message|>The token <|end|> ends one.",
            "",
            "The token <|end|> ends one.",
        ),
        ("<|channel|>final<|message|>`<|start|>role<|message|>`", "", "`<|start|>role<|message|>`"),
        (
            "<|channel|>final<|message|>`<|channel|>final<|message|>`",
            "",
            "`<|channel|>final<|message|>`",
        ),
        ("<|channel|>secret<|message|>a", "", "<|channel|>secret<|message|>a"),
        ("<|channel|>final<|message|>Yes<|end|><|start|>user<|message|>And now?", "", "Yes"),
        ("<|start|>user<|message|>a<|end|><|start|>assistant<|message|>No", "", "No"),
    ],
)
def test_a_reply_in_channels(reply: str, thinking: str, answer: str) -> None:
    assert (
        split(reply, [HARMONY], GPT_OSS) == split([reply], [HARMONY], GPT_OSS) == (thinking, answer)
    )


@pytest.mark.parametrize(("header", "part"), HEADERS.items())
def test_every_header_is_markup(header: str, part: str) -> None:
    ended = "<|end|>" if header.startswith("<|channel|>") else ""
    reply = f"<|channel|>analysis<|message|>思{ended}{header}b"
    expected = {"thinking": ("思\n\nb", ""), "answer": ("思", "b"), "nothing": ("思", "")}
    assert split(reply, [HARMONY], GPT_OSS) == split([reply], [HARMONY], GPT_OSS) == expected[part]


@given(harmony_replies, cuts)
def test_the_pieces_of_messages_make_no_difference(reply: str, at: list[int]) -> None:
    assert split(cut(reply, at), [HARMONY], GPT_OSS) == split([reply], [HARMONY], GPT_OSS)


@given(
    st.lists(
        st.tuples(st.sampled_from(["analysis", "commentary", "final"]), st.sampled_from("ab思"))
    ),
    cuts,
)
def test_messages_of_a_part_are_joined_by_blank_lines(
    messages: list[tuple[str, str]], at: list[int]
) -> None:
    reply = "<|end|><|start|>assistant".join(
        f"<|channel|>{channel}<|message|>{text}" for channel, text in messages
    )
    thinking = "\n\n".join(text for channel, text in messages if channel != "final")
    answer = "\n\n".join(text for channel, text in messages if channel == "final")
    assert split(cut(reply, at), [HARMONY], GPT_OSS) == (thinking, answer)


@pytest.mark.parametrize(
    "header", [header for header in HEADERS if not header.startswith("<|channel|>")]
)
def test_a_header_is_held_back_only_as_long_as_it_can_become_one(header: str) -> None:
    for end in range(1, len(header)):
        assert in_the_open(f"a{header[:end]}", [HARMONY], GPT_OSS) == ("", "a")
        assert in_the_open(f"a{header[:end]}!", [HARMONY], GPT_OSS) == ("", f"a{header[:end]}!")


def test_the_first_word_of_a_reply_without_channels_is_not_held_back() -> None:
    assert in_the_open("Y", [HARMONY], GPT_OSS) == ("", "Y")


@pytest.mark.parametrize(
    ("prompt", "reply", "expected"),
    [
        (
            "<|start|>assistant<|channel|>analysis<|message|>",
            "Hm<|end|><|start|>assistant<|message|>Yes",
            ("Hm", "Yes"),
        ),
        ("<|start|>assistant<|channel|>final<|message|>", "Yes", ("", "Yes")),
        (
            "<|start|>assistant<|channel|>final<|message|>Hi<|end|><|start|>assistant",
            "Yes",
            ("", "Yes"),
        ),
        ("<|start|>assistant<|channel|>", "analysis<|message|>Hm", ("Hm", "")),
        ("<|start|>user<|message|>Hi<|end|>", "Yes", ("", "Yes")),
        (
            "<|start|>user<|message|>Hi<|end|>",
            "<|start|>assistant<|channel|>analysis<|message|>Hm",
            ("Hm", ""),
        ),
        ("### Response:\n", "Yes", ("", "Yes")),
        ("", "<|channel|>analysis<|message|>Hm", ("Hm", "")),
    ],
)
def test_the_prompt_says_where_a_reply_in_channels_begins(
    prompt: str, reply: str, expected: tuple[str, str]
) -> None:
    assert split(reply, [HARMONY], prompt) == split([reply], [HARMONY], prompt) == expected


# Which tags a model uses


@pytest.mark.parametrize(
    ("template", "tokens", "opens"),
    [
        (
            "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}",
            [],
            {"<think>"},
        ),
        ("{{ '<|im_start|>assistant\\n<think>\\n' }}", [], {"<think>"}),
        ("{{ '<|im_start|>assistant\\n' }}", ["<think>", "</think>", "<|im_end|>"], {"<think>"}),
        ("{{ '<|im_start|>assistant\\n' }}", ["◁/think▷"], {"◁think▷"}),
        ("{{ '[INST]' }}", {"[INST]", "[/THINK]"}, {"[THINK]"}),
        (
            "{{ '<|turn>model\\n<|channel>thought\\n<channel|>' }}{{ '<|think|>' }}",
            [],
            {"<|channel>thought"},
        ),
        (
            "{{ '<|begin|>assistant<|think|>' }}{{ '<|begin|>assistant<|content|>' }}",
            [],
            {"<|think|>"},
        ),
        ("{{ '<|start|>assistant<|channel|>final<|message|>' }}", [], {HARMONY.open}),
        ("{{ messages }}", ["<|channel|>", "<|message|>", "<|end|>"], {HARMONY.open}),
        ("<|user|>\n{{ message['content'] }}<|end|>\n<|assistant|>\n", ["<|end|>"], set()),
        ("<start_of_turn>model\n", ["<start_of_turn>", "<end_of_turn>"], set()),
        ("{# thinks #}<|im_start|>assistant\n", ["<think>"], set()),
        ("", [], set()),
    ],
)
def test_a_models_tags_are_those_of_its_template_or_vocabulary(
    template: str, tokens: list[str], opens: set[str]
) -> None:
    assert {tags.open for tags in tags_of(template, tokens)} == opens


def test_marcos_and_exaones_thoughts_are_told_apart() -> None:
    assert tags_of("<Thought>English</Thought><Output>", []) == (MARCO,)
    assert tags_of("[|assistant|]<thought>\n", []) == (ReasoningTags("<thought>", "</thought>"),)


def test_no_two_families_are_the_same() -> None:
    assert len(set(KNOWN_TAGS)) == len(KNOWN_TAGS)
    assert all(tags.open and tags.close for tags in KNOWN_TAGS)


@pytest.mark.parametrize(
    ("close", "expected"),
    [
        ("</think>", {"<think>", "</think>"}),
        ("[/THINK]", {"[THINK]", "[/THINK]"}),
        ("◁/think▷", {"◁think▷", "◁/think▷"}),
        ("<channel|>", {"<|channel>", "<channel|>"}),
        ("</Thought>", {"<Thought>", "</Thought>", "<Output>", "</Output>"}),
        ("<|end|><|begin|>assistant", {"<|think|>", "<|end|>", "<|begin|>", "<|content|>"}),
        ("[BEGIN FINAL RESPONSE]", {"[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"}),
        (
            "<|end|>",
            {
                "<|start|>",
                "<|channel|>",
                "<|constrain|>",
                "<|message|>",
                "<|end|>",
                "<|return|>",
                "<|call|>",
            },
        ),
    ],
)
def test_the_tokens_that_have_to_be_let_through_are_those_of_the_tags(
    close: str, expected: set[str]
) -> None:
    assert marker_texts(tags for tags in KNOWN_TAGS if tags.close == close) == expected


def test_without_tags_no_token_is_let_through() -> None:
    assert marker_texts(()) == frozenset()
