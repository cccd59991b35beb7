"""One turn in several variants: which runs when, what is kept, and that nothing else changes."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from modechat.domain.conversation import ReplyState, StopReason
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.own_settings import OwnSettings
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Failed, Generate, InstructPrompt, Load
from modechat.engine.scripted import Leak, ScriptedEngine, last_user_text
from modechat.errors import ModelError
from modechat.models.check import check_model_file
from modechat.session.events import (
    ConversationOpened,
    ModelReady,
    ReplyEnded,
    Trouble,
    TurnAdded,
    TurnReplaced,
)
from modechat.session.gate import COMPARING
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.session.variants import (
    LONGEST_REPLY,
    ComparisonDone,
    ComparisonEvent,
    Question,
    Stage,
    VariantGrew,
    VariantSettings,
)
from modechat.store import Store
from tests.engine.driver import formats
from tests.session.fake_files import FakeFiles
from tests.session.harness import Clock, Harness, running_session, send, settings
from tests.tiny_models import write_endless, write_llama

LONG = Question(ChatMessage("Hello, how are you? " * 40), "Hello")
HELLO = Question(ChatMessage("Hello"), "Hello")
TWO_FORMATS = (VariantSettings(format="chatml"), VariantSettings(format="alpaca"))


def by_format(request: Generate) -> str | Leak | Failed:
    if request.format == "alpaca":
        return Leak("Half an answer", "### Instruction:")
    return f"{request.format} answers {last_user_text(request)}"


class Watched:
    """What a comparison tells."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.events: list[ComparisonEvent] = []

    async def start(self, question: Question, *variants: VariantSettings) -> None:
        assert (
            await self.harness.session.comparison.start(question, variants, self.events.append)
            is None
        )

    async def done(self) -> None:
        await self.harness.until(
            lambda: any(isinstance(event, ComparisonDone) for event in self.events)
        )

    async def asked(self, question: Question, *variants: VariantSettings) -> None:
        await self.start(question, *variants)
        await self.done()

    @property
    def texts(self) -> list[str]:
        return [variant.reply.text for variant in self.harness.session.comparison.variants]

    def order(self) -> list[int]:
        """The variants in the order in which they began to write."""
        found: list[int] = []
        for event in self.events:
            if isinstance(event, VariantGrew) and event.index not in found:
                found.append(event.index)
        return found


async def opened(harness: Harness) -> Watched:
    await harness.session.library.open_latest()
    await harness.until(lambda: harness.session.phase in (Phase.READY, Phase.DOWN))
    return Watched(harness)


async def test_variants_run_one_after_the_other_and_the_kept_one_is_the_next_turn(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, by_format) as harness:
        watched = await opened(harness)
        await harness.say("Before")
        await watched.asked(HELLO, *TWO_FORMATS)
        comparison = harness.session.comparison
        assert watched.texts == ["chatml answers Hello", "Half an answer"]
        assert watched.order() == [0, 1]
        assert [one.reply.stop_reason for one in comparison.variants] == [
            StopReason.END,
            StopReason.LEAK,
        ]
        assert comparison.is_open
        assert len(harness.told(TurnAdded)) == 1
        assert harness.session.conversation is not None
        assert len(harness.session.conversation.turns) == 1
        assert await comparison.keep(0) is None
        assert not comparison.is_open
        turn = harness.told(TurnAdded)[-1].turn
        assert (turn.typed, turn.reply.text, turn.reply.state) == (
            "Hello",
            "chatml answers Hello",
            ReplyState.COMPLETE,
        )
        assert turn.reply.stats is not None
        assert turn.reply.stats.format == "chatml"
        assert harness.told(ReplyEnded)[-1].turn == turn
        await harness.say("And then?")
        assert harness.prompt()[-3:] == ["Hello", "chatml answers Hello", "And then?"]
        assert harness.requests[-1].format is None
    store = Store.open(tmp_path, Clock())
    saved = store.conversation(store.latest_id() or 0).turns
    assert [one.reply.text for one in saved][1:] == [
        "chatml answers Hello",
        "None answers And then?",
    ]
    store.close()


async def test_closing_without_keeping_changes_nothing(tmp_path: Path) -> None:
    async with running_session(tmp_path, by_format) as harness:
        watched = await opened(harness)
        await harness.say("Before")
        before, told = harness.session.conversation, len(harness.told(TurnAdded))
        await watched.asked(HELLO, *TWO_FORMATS)
        await harness.session.comparison.close()
        assert harness.session.conversation == before
        assert len(harness.told(TurnAdded)) == told
        assert not harness.session.is_busy
        await harness.say("Next")
        assert harness.prompt()[-1] == "Next"
        assert "Hello" not in harness.prompt()


async def test_a_comparison_in_a_new_conversation_leaves_it_new_until_one_is_kept(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, by_format) as harness:
        watched = await opened(harness)
        await watched.asked(HELLO, *TWO_FORMATS)
        assert harness.session.conversation is None
        assert await harness.session.comparison.keep(1) is None
        assert harness.session.conversation is not None
        assert harness.session.conversation.title == "Hello"


async def test_a_kept_reply_to_an_earlier_turn_is_a_variant_beside_it(tmp_path: Path) -> None:
    async with running_session(tmp_path, by_format) as harness:
        watched = await opened(harness)
        first = await harness.say("First")
        middle = await harness.say("Second")
        await harness.say("Third")
        assert first is not None
        assert middle is not None
        question = Question(middle.request, middle.typed, middle.id)
        await watched.asked(question, *TWO_FORMATS)
        assert harness.prompt() == ["First", "None answers First", "Second"]
        assert await harness.session.comparison.keep(0) is None
        replaced = harness.told(TurnReplaced)[-1]
        assert replaced.old_id == middle.id
        assert await harness.session.turns.variants(middle.id) == (middle.id, replaced.turn.id)
        await harness.say("On")
        assert harness.prompt() == [
            "First",
            "None answers First",
            "Second",
            "chatml answers Second",
            "On",
        ]


async def test_every_variant_asks_with_its_own_settings_over_those_in_effect(
    tmp_path: Path,
) -> None:
    async with running_session(
        tmp_path, session_settings=settings(chat_system="Be kind.")
    ) as harness:
        watched = await opened(harness)
        await harness.session.effective.set_own(
            OwnSettings(sampling=Sampling(temperature=0.5, top_k=7))
        )
        await watched.asked(
            HELLO,
            VariantSettings(),
            VariantSettings(temperature=1.0, seed=3),
            VariantSettings(system="Be brief."),
            VariantSettings(mode=Mode.INSTRUCT),
        )
        asked = harness.requests
        assert [request.sampling.temperature for request in asked] == [0.5, 1.0, 0.5, 0.5]
        assert [request.sampling.seed for request in asked] == [None, 3, None, None]
        assert {request.sampling.top_k for request in asked} == {7}
        assert {request.sampling.max_tokens for request in asked} == {LONGEST_REPLY}
        systems = [
            p.messages[0].content for r in asked if not isinstance(p := r.prompt, InstructPrompt)
        ]
        assert systems == ["Be kind.", "Be kind.", "Be brief."]
        assert isinstance(asked[-1].prompt, InstructPrompt)
        assert await harness.session.comparison.keep(3) is None
        assert harness.told(TurnAdded)[-1].turn.request == Task("Hello")
        assert harness.session.state.mode is Mode.CHAT


async def test_while_it_is_open_nothing_else_changes_the_conversation(tmp_path: Path) -> None:
    async with running_session(tmp_path, by_format) as harness:
        watched = await opened(harness)
        await harness.say("Before")
        await watched.start(HELLO, *TWO_FORMATS)
        assert await send(harness.session, "Now") == COMPARING
        assert await harness.session.regenerate() is not None
        assert await harness.session.model_choice.use_format("alpaca") is not None
        await watched.done()
        assert await send(harness.session, "Now") == COMPARING
        again = await harness.session.comparison.start(HELLO, TWO_FORMATS, lambda _event: None)
        assert again is not None
        await harness.session.library.begin_new()
        assert not harness.session.comparison.is_open
        assert harness.told(ConversationOpened)[-1].conversation is None
        await harness.say("In the new one")


async def test_it_does_not_start_while_a_reply_is_written_nor_with_one_variant(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        await opened(harness)
        comparison = harness.session.comparison
        assert await comparison.start(HELLO, TWO_FORMATS[:1], lambda _event: None) is not None
        assert await send(harness.session, "Hello") is None
        assert await comparison.start(HELLO, TWO_FORMATS, lambda _event: None) is not None
        await harness.ready()
        assert await comparison.keep(0) is not None


class Gate:
    """Lets words out one by one."""

    def __init__(self) -> None:
        self.is_open = False
        self.n_asked = 0

    async def __call__(self) -> None:
        self.n_asked += 1
        while not self.is_open:
            await asyncio.sleep(0.001)


async def test_stop_ends_all_of_them_and_again_asks_one_once_more(tmp_path: Path) -> None:
    gate = Gate()
    gate.is_open = True

    async with running_session(tmp_path, by_format, pace=gate) as harness:
        watched = await opened(harness)
        gate.is_open = False
        await watched.start(HELLO, *TWO_FORMATS, VariantSettings(format="vicuna"))
        comparison = harness.session.comparison
        assert await comparison.keep(0) is not None  # it is being written
        comparison.stop()
        gate.is_open = True
        await watched.done()
        assert [one.reply.state for one in comparison.variants] == [ReplyState.STOPPED] * 3
        assert len(harness.requests) == 1
        assert await comparison.keep(0) is not None  # it has no text
        watched.events.clear()
        assert await comparison.again(1) is None
        await watched.done()
        assert watched.texts == ["", "Half an answer", ""]
        assert await comparison.keep(1) is None


async def test_skip_goes_on_with_the_next_one(tmp_path: Path) -> None:
    gate = Gate()
    gate.is_open = True

    async with running_session(tmp_path, by_format, pace=gate) as harness:
        watched = await opened(harness)
        gate.is_open = False
        await watched.start(HELLO, *TWO_FORMATS)
        harness.session.comparison.skip()
        gate.is_open = True
        await watched.done()
        states = [one.reply.state for one in harness.session.comparison.variants]
        assert states == [ReplyState.STOPPED, ReplyState.COMPLETE]


async def test_what_was_stopped_by_closing_does_not_hold_up_the_next_comparison(
    tmp_path: Path,
) -> None:
    gate = Gate()
    gate.is_open = True

    async with running_session(tmp_path, by_format, pace=gate) as harness:
        watched = await opened(harness)
        gate.is_open = False
        await watched.start(HELLO, *TWO_FORMATS)
        await harness.session.comparison.close()
        assert harness.session.phase is Phase.STOPPING
        await watched.start(
            HELLO, VariantSettings(format="vicuna"), VariantSettings(format="zephyr")
        )
        gate.is_open = True
        await watched.done()
        assert watched.texts == ["vicuna answers Hello", "zephyr answers Hello"]


async def test_a_variant_that_fails_does_not_keep_the_others(tmp_path: Path) -> None:
    def script(request: Generate) -> str | Failed:
        if request.format == "chatml":
            return Failed(id=0, kind="context", title="[/x] \x1b]0;T\x07 It does not fit")
        return "fine"

    async with running_session(tmp_path, script) as harness:
        watched = await opened(harness)
        await watched.asked(HELLO, *TWO_FORMATS)
        first, second = harness.session.comparison.variants
        assert first.reply.state is ReplyState.FAILED
        assert "It does not fit" in first.reply.error
        assert not first.can_be_kept
        assert second.reply.text == "fine"
        assert harness.told(Trouble) == []


async def test_it_can_begin_before_the_model_is_loaded_and_says_why_not_if_it_cannot_be(
    tmp_path: Path,
) -> None:
    failure = Failed(id=None, kind="model", title="It is damaged")

    for error in (None, failure):
        engine = ScriptedEngine(by_format, load_error=error)
        async with running_session(tmp_path / str(error is None), engine=engine) as harness:
            await harness.session.library.open_latest()
            watched = Watched(harness)
            await watched.asked(HELLO, *TWO_FORMATS)
            if error is None:
                assert watched.texts == ["chatml answers Hello", "Half an answer"]
                continue
            assert {one.reply.error for one in harness.session.comparison.variants} == {
                "It is damaged"
            }
            await harness.until(lambda: harness.session.phase is Phase.DOWN)
            assert {trouble.title for trouble in harness.told(Trouble)} == {"It is damaged"}


# A real worker


def settings_for(model: str) -> SessionSettings:
    path = Path(model)
    if not path.is_file():
        raise ModelError(f"The model {model} does not exist", "Give a GGUF file.")
    return SessionSettings(
        load=Load(model_path=model, n_ctx=1024, n_gpu_layers=0, n_threads=1, formats=formats()),
        sampling=Sampling(temperature=0, max_tokens=8),
        files=FakeFiles(check_model=lambda: check_model_file(path), settings_for=settings_for),
    )


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return str(write_llama(tmp_path / "first.gguf", n_ctx_train=1024))


@pytest.fixture
def other(tmp_path: Path) -> str:
    return str(write_llama(tmp_path / "second.gguf", n_ctx_train=1024, seed=1))


async def test_a_real_model_answers_in_each_format_as_it_does_in_a_turn_of_its_own(
    tmp_path: Path, tiny: str
) -> None:
    options = settings_for(tiny)
    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=options
    ) as harness:
        watched = await opened(harness)
        await watched.asked(HELLO, VariantSettings(), *TWO_FORMATS)
        variants = harness.session.comparison.variants
        assert [v.reply.stats.format for v in variants if v.reply.stats] == [
            "chat-template",
            "chatml",
            "alpaca",
        ]
        assert all(
            v.reply.stats is not None and v.reply.stats.completion_tokens == 8 for v in variants
        )
        assert harness.session.model is not None
        assert harness.session.model.format == "chat-template"
        assert await harness.session.comparison.keep(1) is None
        assert await harness.session.regenerate() is None
        await harness.ready()
        assert harness.told(ReplyEnded)[-1].turn.reply.text == variants[0].reply.text
        assert await harness.session.model_choice.try_format("chatml") is None
        await harness.ready()
        assert harness.told(ReplyEnded)[-1].turn.reply.text == variants[1].reply.text


async def test_other_models_come_last_and_the_first_one_is_there_again_in_the_end(
    tmp_path: Path, tiny: str, other: str
) -> None:
    options = settings_for(tiny)
    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=options
    ) as harness:
        watched = await opened(harness)
        await harness.say("Before")
        n_ready = len(harness.told(ModelReady))
        there, elsewhere = VariantSettings(), VariantSettings(model=other)
        await watched.start(
            HELLO, elsewhere, there, replace(elsewhere, format="chatml"), replace(there, seed=1)
        )
        await watched.done()
        assert watched.order() == [1, 3, 0, 2]
        variants = harness.session.comparison.variants
        assert [one.reply.model for one in variants] == ["second", "first", "second", "first"]
        await harness.until(lambda: harness.session.phase is Phase.READY)
        assert harness.session.model is not None
        assert harness.session.model.name == "first"
        assert len(harness.told(ModelReady)) == n_ready + 1
        assert not harness.session.has_previous_model
        assert await harness.session.comparison.keep(0) is None
        turn = await harness.say("And you?")
        assert turn is not None
        assert turn.reply.model == "first"


async def test_closing_while_another_model_is_there_brings_the_first_one_back(
    tmp_path: Path, tiny: str, other: str
) -> None:
    options = replace(settings_for(tiny), sampling=Sampling(temperature=1.0, seed=11))
    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=options
    ) as harness:
        watched = await opened(harness)
        await watched.start(
            HELLO, VariantSettings(model=other), VariantSettings(model=other, seed=2)
        )
        await harness.until(lambda: any(isinstance(event, VariantGrew) for event in watched.events))
        await harness.session.comparison.close()
        await harness.ready()
        assert harness.session.model is not None
        assert harness.session.model.name == "first"
        await send(harness.session, "Go on")
        await harness.until(lambda: bool(harness.told(TurnAdded)))
        await harness.session.stop()
        await harness.ready()
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.STOPPED


async def test_a_file_that_is_no_model_starts_nothing(tmp_path: Path, tiny: str) -> None:
    options = settings_for(tiny)
    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=options
    ) as harness:
        await opened(harness)
        damaged = tmp_path / "damaged.gguf"
        damaged.write_bytes(b"GGUF")
        for path in (damaged, tmp_path / "nothing.gguf"):
            wanted = (VariantSettings(), VariantSettings(model=str(path)))
            reason = await harness.session.comparison.start(HELLO, wanted, lambda _event: None)
            assert reason is not None
            assert not harness.session.is_busy


async def test_an_engine_that_dies_in_one_variant_goes_on_with_the_next(tmp_path: Path) -> None:
    engine = WorkerEngine()
    killed = False

    options = endless_settings_for(str(write_endless(tmp_path / "endless.gguf")))
    options = replace(
        options, sampling=Sampling(temperature=0, stop_repetition=False, max_tokens=1000)
    )
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options
    ) as harness:
        watched = await opened(harness)

        def kill_once(event: ComparisonEvent) -> None:
            nonlocal killed
            watched.events.append(event)
            if isinstance(event, VariantGrew) and not killed:
                killed = True
                assert engine.process_id is not None
                os.kill(engine.process_id, signal.SIGKILL)

        wanted = (VariantSettings(), VariantSettings(seed=2, format="chatml"))
        assert await harness.session.comparison.start(HELLO, wanted, kill_once) is None
        await watched.done()
        first, second = harness.session.comparison.variants
        assert first.reply.state is ReplyState.INTERRUPTED
        assert "SIGKILL" in first.reply.error
        assert first.reply.text
        assert second.stage is Stage.ENDED
        assert second.reply.state is ReplyState.COMPLETE
        assert harness.told(Trouble) == []
        assert await harness.session.comparison.keep(1) is None


def endless_settings_for(model: str) -> SessionSettings:
    """Replies go on until somebody ends them."""
    usual = settings_for(model)
    return replace(
        usual,
        load=usual.load.model_copy(update={"n_ctx": 65536}),
        sampling=Sampling(temperature=0, stop_repetition=False),
        files=FakeFiles(settings_for=endless_settings_for),
    )


async def test_an_engine_that_dies_in_the_last_variant_is_there_again(tmp_path: Path) -> None:
    first, second = (str(write_endless(tmp_path / f"{name}.gguf")) for name in ("first", "second"))
    engine = WorkerEngine()
    options = endless_settings_for(first)
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options
    ) as harness:
        watched = await opened(harness)
        await watched.start(HELLO, VariantSettings(), VariantSettings(model=second))
        await harness.until(lambda: 0 in watched.order())
        harness.session.comparison.skip()
        await harness.until(lambda: 1 in watched.order())
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGKILL)
        await watched.done()
        await harness.until(lambda: harness.session.phase is Phase.READY)
        assert harness.session.model is not None
        assert harness.session.model.name == "first"
        assert harness.session.comparison.variants[1].reply.state is ReplyState.INTERRUPTED
