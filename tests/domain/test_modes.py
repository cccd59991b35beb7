"""What typing does: the table of the two modes row by row, and the rules that hold for every
text.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import (
    ChatMessage,
    Incomplete,
    Parsed,
    Switch,
    Task,
    mode_of,
    parse,
)
from modechat.domain.notices import notice

CHAT = ModeState(Mode.CHAT)
INSTRUCT = ModeState(Mode.INSTRUCT)
STANDING = ModeState(Mode.INSTRUCT, standing="Translate")
STATES = (CHAT, INSTRUCT, STANDING)

states = st.sampled_from(STATES)
words = st.sampled_from(
    ["Instruction", "instruction", "INSTRUCTION", "Input", "Response", "Chat", "cHaT"]
)
headers = st.builds(
    "###{}{}{}".format,
    st.sampled_from(["", " ", "\t", "   "]),
    words,
    st.sampled_from(["", ":", " :"]),
)
plain_lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n#`~"))
fences = st.sampled_from(["```", "~~~", "````", "~~~~~"])


def outer(text: str) -> str:
    """What is left of a section's text: all but its outer line ends."""
    return text.strip("\n") if text.strip() else ""


@st.composite
def fenced(draw: st.DrawFn) -> str:
    """A code block, closed, with headers and escapes in it."""
    fence = draw(fences)
    body = draw(st.lists(st.one_of(plain_lines, headers, headers.map("\\{}".format))))
    return "\n".join([fence + draw(st.sampled_from(["", "python", " sh "])), *body, fence])


texts_without_headers = st.lists(st.one_of(plain_lines, fenced())).map("\n".join).map(outer)
"""What a section may say; headers are there inside of code blocks only."""
instructions = texts_without_headers.filter(bool)


# The table


def test_instruction_alone_switches_to_instruct_mode() -> None:
    assert parse("### Instruction", CHAT) == Switch(INSTRUCT)
    assert parse("### Instruction", INSTRUCT) == Switch(INSTRUCT)


def test_chat_alone_switches_back_to_chat_mode() -> None:
    assert parse("### Chat", INSTRUCT) == Switch(CHAT)
    assert parse("### Chat", CHAT) == Switch(CHAT)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "typed",
    [
        "### Instruction Do this",
        "### Instruction\nDo this",
        "### Instruction: Do this",
        "### Instruction:\n\nDo this",
    ],
)
def test_instruction_with_text_is_one_instruct_turn_in_every_mode(
    typed: str, state: ModeState
) -> None:
    assert parse(typed, state) == Task("Do this")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "typed", ["### Chat Hello", "### Chat\nHello", "### Chat: Hello", "### chat:\n\n\nHello\n"]
)
def test_chat_with_text_is_one_chat_turn_in_every_mode(typed: str, state: ModeState) -> None:
    assert parse(typed, state) == ChatMessage("Hello")


def test_text_on_the_headers_line_and_on_the_following_lines_belongs_together() -> None:
    assert parse("### Instruction: Do this\nand that", CHAT) == Task("Do this\nand that")
    assert parse("### Chat Hello\n\nthere", INSTRUCT) == ChatMessage("Hello\n\nthere")


def test_an_input_section_is_the_tasks_input() -> None:
    expected = Task("Summarise", "A long text.\nIt goes on.")
    assert (
        parse("### Instruction\nSummarise\n### Input\nA long text.\nIt goes on.", CHAT) == expected
    )
    assert (
        parse("### Instruction: Summarise\n### Input: A long text.\nIt goes on.", CHAT) == expected
    )
    assert parse("Summarise\n### Input\nA long text.\nIt goes on.", INSTRUCT) == expected


def test_a_response_section_is_the_start_of_the_reply() -> None:
    assert parse("### Instruction\nCount\n### Response\nOne,", CHAT) == Task(
        "Count", prefill="One,"
    )
    assert parse("### Instruction\nCount\n### Input\nto ten\n### Response: One,", CHAT) == Task(
        "Count", "to ten", "One,"
    )
    assert parse("Count\n### Response: One,", INSTRUCT) == Task("Count", prefill="One,")


def test_an_empty_response_section_changes_nothing() -> None:
    assert parse("### Instruction\nCount\n### Response:", CHAT) == Task("Count")


def test_an_empty_input_at_the_end_makes_a_standing_instruction() -> None:
    switch = Switch(ModeState(Mode.INSTRUCT, standing="Translate"))
    assert parse("### Instruction\nTranslate\n### Input", CHAT) == switch
    assert parse("### Instruction: Translate\n### Input:\n\n  \n", CHAT) == switch
    assert parse("### Instruction: Translate\n### Input", STANDING) == switch
    assert parse("Translate\n### Input", INSTRUCT) == switch


def test_an_empty_input_before_a_response_is_an_ordinary_task() -> None:
    """Alpaca's whole form, filled in by a program."""
    assert parse("### Instruction:\nCount\n\n### Input:\n\n### Response:", CHAT) == Task("Count")


def test_under_a_standing_instruction_every_message_is_an_input_for_it() -> None:
    assert parse("Good morning", STANDING) == Task("Translate", "Good morning")
    assert parse("two\n\nparagraphs", STANDING) == Task("Translate", "two\n\nparagraphs")
    assert parse("### Input\nGood morning", STANDING) == Task("Translate", "Good morning")
    assert parse("Good morning\n### Response\nBuenos", STANDING) == Task(
        "Translate", "Good morning", "Buenos"
    )


def test_a_standing_instruction_lasts_until_instruction_or_chat() -> None:
    assert parse("### Instruction", STANDING) == Switch(INSTRUCT)
    assert parse("### Chat", STANDING) == Switch(CHAT)


def test_in_instruct_mode_any_text_is_the_instruction() -> None:
    assert parse("Write a poem\nabout rain", INSTRUCT) == Task("Write a poem\nabout rain")


def test_in_chat_mode_any_text_is_a_message() -> None:
    assert parse("Hello\n\nthere", CHAT) == ChatMessage("Hello\n\nthere")


# Rules of headers


@pytest.mark.parametrize(
    "header",
    [
        "### Instruction", "### instruction", "### INSTRUCTION", "### iNsTrUcTiOn:", "###Instruction",
        "###  Instruction", "###\tInstruction", "   ### Instruction", "### Instruction :", "### Instruction:   ",
        "###\u00a0Instruction\u00a0:",
    ],
)  # fmt: skip
def test_case_colon_and_space_make_no_difference_to_a_header(header: str) -> None:
    assert parse(header, CHAT) == Switch(INSTRUCT)
    assert parse(f"{header} Do this", CHAT) == Task("Do this")
    assert parse(f"{header}\nDo this", CHAT) == Task("Do this")


@pytest.mark.parametrize(
    "text",
    [
        "## Instruction", "#### Instruction", "Instruction:", "### Instructions", "### Instruction-tuned models",
        "### Instruct", "    ### Instruction", "### Chat's over", "### Chatting", "### Chat-like", "### Response-time",
        "Please ### Instruction", "> ### Instruction", "# # # Instruction", "### Chat/Instruct", "### System\nx",
        "### Input\nx", "### Response\nx",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_header_is_text_in_chat_mode(text: str) -> None:
    assert parse(text, CHAT) == ChatMessage(text)


def test_the_first_line_that_is_not_blank_decides() -> None:
    assert parse("\n  \n### Instruction\nDo this", CHAT) == Task("Do this")
    assert parse("Hello\n### Instruction\nDo this", CHAT) == ChatMessage(
        "Hello\n### Instruction\nDo this"
    )
    assert parse("Hello\n### Chat", INSTRUCT) == Task("Hello\n### Chat")


def test_every_kind_of_line_end_counts() -> None:
    assert parse("### Instruction\r\nDo\r\nthis\r### Input\rx", CHAT) == Task("Do\nthis", "x")
    assert parse("one\r\ntwo", CHAT) == ChatMessage("one\ntwo")


def test_input_is_cut_at_its_first_header_and_response_at_its_last() -> None:
    typed = "### Instruction\nA\n### Input\nB\n### Input\nC\n### Response\nD\n### Response\nE"
    assert parse(typed, CHAT) == Task("A", "B\n### Input\nC\n### Response\nD", "E")


def test_a_response_before_the_input_is_text_of_the_instruction() -> None:
    typed = "### Instruction\nA\n### Response\nB\n### Input\nC"
    assert parse(typed, CHAT) == Task("A\n### Response\nB", "C")


@pytest.mark.parametrize("fence", ["```", "~~~", "`````", "   ~~~"])
def test_a_header_in_a_code_fence_is_text(fence: str) -> None:
    code = f"{fence}md\n### Input\n### Response\n{fence}"
    assert parse(f"### Instruction\nExplain\n{code}", CHAT) == Task(f"Explain\n{code}")
    assert parse(f"### Instruction\nExplain\n### Input\n{code}\n### Response\nIt", CHAT) == Task(
        "Explain", code, "It"
    )
    chat_code = f"{fence}\n### Instruction\n{fence}"
    assert parse(chat_code, CHAT) == ChatMessage(chat_code)


def test_a_fence_ends_only_with_a_line_of_its_own_kind_and_length() -> None:
    inside = "````\n```\n~~~~\n````md\n### Input\n"
    assert parse(f"### Instruction\n{inside}`````\n### Input\nx", CHAT) == Task(
        f"{inside}`````", "x"
    )


def test_a_fence_that_is_never_closed_reaches_to_the_end() -> None:
    assert parse("### Instruction\nMend\n```\nx = 1\n### Input\ny", CHAT) == Task(
        "Mend\n```\nx = 1\n### Input\ny"
    )


def test_inline_code_with_three_backticks_opens_no_fence() -> None:
    assert parse("### Instruction\n```x``` is code\n### Input\ny", CHAT) == Task(
        "```x``` is code", "y"
    )


def test_a_header_after_a_backslash_sends_the_text_itself() -> None:
    assert parse("\\### Instruction", CHAT) == ChatMessage("### Instruction")
    assert parse("\\### Instruction", INSTRUCT) == Task("### Instruction")
    assert parse("\\### Chat", STANDING) == Task("Translate", "### Chat")
    assert parse(
        "### Instruction\nExplain\n\\### Input:\n### Input\n\\### Response\n", CHAT
    ) == Task("Explain\n### Input:", "### Response")


def test_one_backslash_of_several_is_taken_away() -> None:
    assert parse("\\\\### Instruction", CHAT) == ChatMessage("\\### Instruction")


def test_a_backslash_stays_where_nothing_had_to_be_escaped() -> None:
    for text in (
        "\\### Heading",
        "\\## Instruction",
        "a\n\\### Instruction",
        "```\n\\### Instruction\n```",
    ):
        assert parse(text, CHAT) == ChatMessage(text)
    fenced_escape = "```\n\\### Input\n```"
    assert parse(fenced_escape, INSTRUCT) == Task(fenced_escape)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n", "\r\n"])
def test_there_is_nothing_to_send_in_an_empty_message(text: str, state: ModeState) -> None:
    parsed = parse(text, state)
    assert isinstance(parsed, Incomplete)
    assert "nothing to send" in parsed.reason


def test_sections_without_an_instruction_cannot_be_sent() -> None:
    for typed, state in (
        ("### Instruction\n### Input\nx", CHAT),
        ("### Response: x", INSTRUCT),
        ("### Input: x", INSTRUCT),
    ):
        parsed = parse(typed, state)
        assert isinstance(parsed, Incomplete)
        assert "no instruction yet" in parsed.reason
    assert isinstance(parse("### Response: x", STANDING), Incomplete)


# While typing, and by key


@pytest.mark.parametrize(
    ("typed", "state", "mode"),
    [
        ("", CHAT, Mode.CHAT),
        ("", INSTRUCT, Mode.INSTRUCT),
        ("Hello", CHAT, Mode.CHAT),
        ("Hello", INSTRUCT, Mode.INSTRUCT),
        ("Hello", STANDING, Mode.INSTRUCT),
        ("### Instructio", CHAT, Mode.CHAT),
        ("### Instruction", CHAT, Mode.INSTRUCT),
        ("### Instruction:", CHAT, Mode.INSTRUCT),
        ("### Instructions", CHAT, Mode.CHAT),
        ("### Instruction\nDo", CHAT, Mode.INSTRUCT),
        ("### Instruction\n### Input\nx", CHAT, Mode.INSTRUCT),
        ("### Cha", INSTRUCT, Mode.INSTRUCT),
        ("### Chat", INSTRUCT, Mode.CHAT),
        ("### chat: hi", STANDING, Mode.CHAT),
        ("\\### Instruction", CHAT, Mode.CHAT),
    ],
)
def test_the_badge_shows_the_mode_of_a_header_as_soon_as_it_is_typed(
    typed: str, state: ModeState, mode: Mode
) -> None:
    assert mode_of(typed, state) is mode


def test_toggling_changes_the_mode_and_ends_a_standing_instruction() -> None:
    assert CHAT.toggled() == INSTRUCT
    assert INSTRUCT.toggled() == CHAT
    assert STANDING.toggled() == CHAT
    assert STANDING.toggled().toggled() == INSTRUCT


def test_conversations_start_in_chat_mode() -> None:
    assert ModeState() == CHAT


def test_the_notice_of_a_change_says_what_comes_next() -> None:
    assert notice(INSTRUCT) == "Okay, switching to instruct mode. What do you want me to do?"
    assert "chat" in notice(CHAT)
    assert "“Translate”" in notice(STANDING)


# Properties


anything = st.one_of(
    st.text(),
    st.lists(
        st.one_of(st.text(), headers, headers.map("\\{}".format), fences, st.just("")), max_size=12
    ).map("\n".join),
)


@given(anything, states)
def test_every_text_means_something_in_every_mode(text: str, state: ModeState) -> None:
    match parse(text, state):
        case ChatMessage(text=message):
            assert message == outer(message) != ""
        case Task(instruction=instruction, input=task_input, prefill=prefill):
            assert instruction == outer(instruction) != ""
            assert task_input == outer(task_input)
            assert prefill == (prefill.lstrip("\n") if prefill.strip() else "")
        case Switch(state=after):
            assert after.standing is None or (
                after.mode is Mode.INSTRUCT and after.standing == outer(after.standing) != ""
            )
        case Incomplete(reason=reason):
            assert reason


@given(anything, states)
def test_the_badge_shows_the_mode_in_which_a_text_is_sent(text: str, state: ModeState) -> None:
    sent_in: dict[type[Parsed], Mode] = {ChatMessage: Mode.CHAT, Task: Mode.INSTRUCT}
    parsed = parse(text, state)
    if type(parsed) in sent_in:
        assert mode_of(text, state) is sent_in[type(parsed)]
    elif isinstance(parsed, Switch):
        assert mode_of(text, state) is parsed.state.mode


@given(st.text().filter(lambda text: "###" not in text))
@example(" \r\n  indented\r\n\r\ntext\t")
@example("\ufeff")  # a byte order mark is no text
def test_a_text_without_headers_loses_its_outer_line_ends_only(text: str) -> None:
    same = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if same.strip():
        assert parse(text, CHAT) == ChatMessage(outer(same))
        assert parse(text, INSTRUCT) == Task(outer(same))
        assert parse(text, STANDING) == Task("Translate", outer(same))
    else:
        assert isinstance(parse(text, CHAT), Incomplete)


@given(headers, plain_lines, states, st.integers(0, 3))
def test_an_escaped_header_is_its_literal_text(
    header: str, rest: str, state: ModeState, backslashes: int
) -> None:
    literal = "\\" * backslashes + f"{header} {rest}".rstrip()
    parsed = parse("\\" + literal, state)
    if state is CHAT:
        assert parsed == ChatMessage(literal)
    else:
        assert parsed == (Task("Translate", literal) if state is STANDING else Task(literal))


@given(instructions, texts_without_headers, texts_without_headers, states)
def test_sections_come_back_as_they_were_written(
    instruction: str, task_input: str, prefill: str, state: ModeState
) -> None:
    typed = (
        f"### Instruction:\n{instruction}\n\n### Input:\n{task_input}\n\n### Response:\n{prefill}"
    )
    assert parse(typed, state) == Task(instruction, task_input, prefill)


@given(
    instructions,
    st.none() | instructions,
    st.none() | instructions,
    st.sampled_from([":\n", "\n", " \n\n", " :\n"]),
)
def test_a_section_that_is_left_out_is_empty(
    instruction: str, task_input: str | None, prefill: str | None, after_word: str
) -> None:
    typed = f"### instruction{after_word}{instruction}"
    if task_input is not None:
        typed += f"\n### INPUT{after_word}{task_input}"
    if prefill is not None:
        typed += f"\n### Response{after_word}{prefill}"
    assert parse(typed, CHAT) == Task(instruction, task_input or "", prefill or "")


@given(fenced(), states)
def test_what_is_in_a_fence_reaches_the_model_as_it_is(block: str, state: ModeState) -> None:
    assert parse(f"### Chat\n{block}", state) == ChatMessage(block)
    assert parse(f"### Instruction\n{block}", state) == Task(block)
    assert parse(block, STANDING) == Task("Translate", block)


@given(st.text(), states)
def test_any_message_can_be_sent_as_chat_with_a_header(text: str, state: ModeState) -> None:
    same = outer(text.replace("\r\n", "\n").replace("\r", "\n"))
    assert parse(f"### Chat\n{text}", state) == (ChatMessage(same) if same else Switch(CHAT))


def test_many_blank_lines_are_no_burden() -> None:
    # This took 13 seconds once: each blank line copied all that follow.
    assert parse("### Instruction" + "\n" * 200_000 + "Go", ModeState()) == Task("Go")


def test_a_byte_order_mark_hides_no_header() -> None:
    assert parse("\ufeff### Instruction", ModeState()) == Switch(ModeState(Mode.INSTRUCT))
