"""What a user wrote reaches the model as it is: white space, and headers in what was not typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task, headers, parse
from modechat.domain.typed import Typed

CHAT = ModeState(Mode.CHAT)
INSTRUCT = ModeState(Mode.INSTRUCT)
STANDING = ModeState(Mode.INSTRUCT, standing="Translate")

states = st.sampled_from([CHAT, INSTRUCT, STANDING])


@pytest.mark.parametrize(
    "text", ["\tb\tc\n1\t2\t", "    indented\n  less", "\u3000\u3000段落", "a  \nb  ", " \n a"]
)
def test_white_space_within_the_first_and_the_last_line_is_kept(text: str) -> None:
    assert parse(f"\n{text}\n", CHAT) == ChatMessage(text)
    assert parse(f"\n{text}\n", INSTRUCT) == Task(text)
    assert parse(f"### Instruction\nCount\n### Input\n{text}\n", CHAT) == Task("Count", text)


def test_the_start_of_the_reply_keeps_its_line_ends() -> None:
    assert parse("### Instruction\nCount\n### Response\n  Dear Bob,\n\n", CHAT) == Task(
        "Count", "", "  Dear Bob,\n\n"
    )


def pasted(before: str, paste: str, after: str = "") -> Typed:
    """A text of which `paste` was not typed."""
    return Typed(before + paste + after, ((len(before), len(before) + len(paste)),))


PAGE = "# API\n\n### Input\na: int\n```\n\n### Response\n200 OK"


@given(
    states,
    st.sampled_from(
        ["### Chat", "### Instruction", "### Input", "### Response", "\\### Chat", PAGE]
    ),
)
def test_headers_in_what_was_not_typed_are_text(state: ModeState, page: str) -> None:
    as_it_is = {CHAT: ChatMessage(page), INSTRUCT: Task(page), STANDING: Task("Translate", page)}
    if state in as_it_is:
        assert parse(pasted("", page), state) == as_it_is[state]
    assert parse(pasted("### Instruction\n", page, "\n### Response\nSo"), state) == Task(
        page, "", "So"
    )
    assert parse(pasted("### Chat: ", page, "\nso"), state) == ChatMessage(f"{page}\nso")
    assert headers(pasted("", page), state) == ()


@given(states, st.text(alphabet="#\n `InputResponseChat:\\", max_size=60).filter(str.strip))
def test_whatever_was_pasted_reaches_the_model_as_it_was(state: ModeState, page: str) -> None:
    if page.startswith("\n") or page.endswith("\n"):
        page = f"[{page}]"
    assert parse(
        pasted("### Instruction: Do\n### Input\n", page, "\n### Response: A"), state
    ) == Task("Do", page, "A")
