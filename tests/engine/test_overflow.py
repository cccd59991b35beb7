"""A full context: the oldest turns leave in blocks, the rest stays in the cache, and nothing leaves
silently.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.conversation import Message, Role
from modechat.domain.mode import Mode
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.evaluation.lanes import Lanes
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.prompts import TokenizedPrompt
from modechat.engine.worker.writing.overflow import fit, without_left_out
from modechat.prompting.formats import FormatSource
from modechat.prompting.prompt import Prompt
from modechat.prompting.prompt_format import PromptFormat
from tests.engine.driver import lent_engine
from tests.engine.loaded import Writer, loaded_model, memory_of
from tests.tiny_models import write_llama

N_CTX = 1000
FORMAT = PromptFormat("letters", FormatSource.BUILT_IN, "")


def letters(request: ChatPrompt | InstructPrompt) -> TokenizedPrompt:
    """A prompt with one token for each letter."""
    assert isinstance(request, ChatPrompt)
    text = "".join(message.content for message in request.messages) + request.prefill
    return TokenizedPrompt(Prompt((text,), FORMAT, "as is"), [ord(letter) for letter in text])


@st.composite
def chats(draw: st.DrawFn) -> ChatPrompt:
    sizes = st.integers(1, 300)
    system = [Message(Role.SYSTEM, "s" * draw(st.integers(1, 50)))] if draw(st.booleans()) else []
    messages = []
    for _ in range(draw(st.integers(0, 12))):
        pinned = draw(st.integers(0, 5)) == 0
        messages.append(Message(Role.USER, "u" * draw(sizes), pinned=pinned))
        messages.append(Message(Role.ASSISTANT, "a" * draw(sizes), pinned=pinned))
    n_unpinned = sum(not message.pinned for message in messages)
    left = 2 * draw(st.integers(0, n_unpinned // 2))
    last = Message(Role.USER, "n" * draw(st.integers(1, 1200)))
    return ChatPrompt(messages=(*system, *messages, last), n_left_out=left)


@given(chats())
def test_what_fits_stays_as_it_is_and_what_does_not_makes_room(request: ChatPrompt) -> None:
    before = letters(without_left_out(request, request.n_left_out))
    try:
        fitted = fit(request, letters, N_CTX, None)
    except WorkerFailure:
        stays = [m for m in request.messages[:-1] if m.pinned or m.role is Role.SYSTEM]
        assert sum(len(m.content) for m in (*stays, request.messages[-1])) + 16 > N_CTX
        return
    n_tokens = len(fitted.made.tokens)
    assert n_tokens + 16 <= N_CTX
    if len(before.tokens) + 250 <= N_CTX:
        assert fitted.n_left_out == request.n_left_out
    if fitted.n_left_out > request.n_left_out:
        kept = without_left_out(request, fitted.n_left_out).messages
        assert kept[-1] == request.messages[-1]
        assert all(
            message in kept
            for message in request.messages
            if message.pinned or message.role is Role.SYSTEM
        )
        roles = [message.role for message in kept if message.role is not Role.SYSTEM]
        assert all(role is (Role.USER, Role.ASSISTANT)[i % 2] for i, role in enumerate(roles))


@given(chats())
def test_a_shortened_chat_has_room_for_turns_to_come(request: ChatPrompt) -> None:
    try:
        fitted = fit(request, letters, N_CTX, None)
    except WorkerFailure:
        return
    movable = [m for m in request.messages[:-1] if m.role is not Role.SYSTEM and not m.pinned]
    stays = sum(len(m.content) for m in request.messages) - sum(len(m.content) for m in movable)
    if fitted.n_left_out > request.n_left_out and stays <= 0.6 * N_CTX:
        assert len(fitted.made.tokens) <= 0.6 * N_CTX
    if fitted.n_left_out > request.n_left_out and stays + 250 <= N_CTX:
        with_one_more = letters(without_left_out(request, fitted.n_left_out - 2))
        limit = 0.6 * N_CTX if stays <= 0.6 * N_CTX else N_CTX - 250
        assert (
            len(with_one_more.tokens) > limit or fitted.n_left_out - 2 <= request.n_left_out
        )  # no more left than had to


@given(chats(), st.integers(1, 3000))
def test_a_reply_that_fills_the_context_goes_on_from_its_end(
    request: ChatPrompt, n_come: int
) -> None:
    reply = "".join(chr(1000 + i) for i in range(n_come))
    try:
        fit(request.model_copy(update={"prefill": reply[:1]}), letters, N_CTX, None)
    except WorkerFailure:
        return
    tokens = fit(request.model_copy(update={"prefill": reply}), letters, N_CTX, None).made.tokens
    assert len(tokens) + 16 <= N_CTX
    goes_on_from = "".join(chr(token) for token in tokens if token >= 1000)
    assert reply.endswith(goes_on_from)
    if goes_on_from != reply:
        assert len(tokens) + 250 <= N_CTX or len(goes_on_from) <= 1


def test_pins_that_leave_no_room_are_named() -> None:
    pinned = (
        Message(Role.USER, "u" * 700, pinned=True),
        Message(Role.ASSISTANT, "a" * 400, pinned=True),
    )
    with pytest.raises(WorkerFailure) as raised:
        fit(ChatPrompt(messages=(*pinned, Message(Role.USER, "n"))), letters, N_CTX, None)
    assert "/pin" in raised.value.hint


def test_a_message_that_cannot_fit_alone_is_refused_with_both_numbers() -> None:
    with pytest.raises(WorkerFailure, match="1,200 tokens, the context holds 1,000"):
        fit(ChatPrompt(messages=(Message(Role.USER, "n" * 1200),)), letters, N_CTX, None)


# With a model


LIMITED = Sampling(temperature=0, max_tokens=8)


def conversation(n_turns: int, size: int = 70) -> ChatPrompt:
    said = [
        message
        for turn in range(n_turns)
        for message in (
            Message(Role.USER, f"{turn} {chr(65 + turn % 26) * size}"),
            Message(Role.ASSISTANT, f"{turn} {chr(97 + turn % 26) * size}"),
        )
    ]
    return ChatPrompt(
        messages=(Message(Role.SYSTEM, "Be kind."), *said, Message(Role.USER, "And now?"))
    )


async def test_the_rest_of_a_shortened_chat_is_not_evaluated_again(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=1024)

    async with lent_engine(model, n_ctx=1024) as driver:
        before = await driver.generate(conversation(5), LIMITED)
        full = await driver.generate(conversation(6), LIMITED)
        assert full.shortened is not None
        later = conversation(6).model_copy(update={"n_left_out": full.shortened.n_left_out})
        before, full, again = before, full, await driver.generate(later, LIMITED)
    assert before.shortened is None
    assert full.shortened is not None
    assert full.shortened.n_left_out >= 2
    assert full.shortened.n_left_out % 2 == 0
    new = 2 * 74 + 110  # the turn that came since, and what the template writes around it
    assert full.finished.stats.prompt_tokens - full.finished.stats.reused_tokens <= new
    assert full.finished.stats.reused_tokens > 200
    assert again.shortened is None
    assert again.finished.stats.evaluated_tokens <= 8 + 1


def test_what_moved_up_in_the_cache_is_where_it_would_be(tmp_path: Path) -> None:
    """The tokens that were taken out are gone, and those behind them stand at their new places."""
    with loaded_model(write_llama(tmp_path / "tiny.gguf", n_ctx_train=1024), 1024) as loaded:
        lanes = Lanes(memory_of(loaded))
        writer = Writer(loaded, lanes)
        head, gone, tail = (
            [65] * 50,
            [66 + i % 9 for i in range(200)],
            [75 + i % 13 for i in range(100)],
        )
        writer.write(Mode.CHAT, [*head, *gone, *tail], 4)
        writer.write(Mode.INSTRUCT, [*head, *gone, 80], 4)  # shares cells that will move
        lanes.n_evaluated = 0
        writer.write(Mode.CHAT, [*head, *tail, 90], 4, n_left_out=2)
        assert lanes.n_evaluated <= 2 + 3
        shifted = next(lane for lane in lanes.lanes if lane.tokens[:151] == [*head, *tail, 90])
        assert len(shifted.tokens) == 154
        lanes.n_evaluated = 0
        _, reply = writer.write(Mode.INSTRUCT, [*head, *gone, 80], 4)
        assert lanes.n_evaluated > 100  # it was given up, not left with cells that moved
        assert (
            reply
            == Writer(loaded, Lanes(memory_of(loaded))).write(Mode.INSTRUCT, [*head, *gone, 80], 4)[
                1
            ]
        )


def test_what_moved_up_is_of_use_to_its_own_conversation_alone(tmp_path: Path) -> None:
    with loaded_model(write_llama(tmp_path / "tiny.gguf", n_ctx_train=1024), 1024) as loaded:
        lanes = Lanes(memory_of(loaded))
        writer = Writer(loaded, lanes)
        head, gone, tail = (
            [65] * 50,
            [66 + i % 9 for i in range(200)],
            [75 + i % 13 for i in range(100)],
        )
        writer.write(Mode.CHAT, [*head, *gone, *tail], 4, label="one")
        shortened = [*head, *tail, 90]
        writer.write(Mode.CHAT, shortened, 4, n_left_out=2, label="one")
        assert lanes.reuse(Mode.CHAT, [*shortened, 91], n_left_out=2, label="one").n_tokens > 140
        for others in ({"label": "two"}, {"label": "two", "n_left_out": 2}, {"label": "one"}):
            assert lanes.reuse(Mode.INSTRUCT, [*shortened, 92], **others).n_tokens == 50
