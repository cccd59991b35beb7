"""Another model in the same conversation, and memory that is given back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from modechat.domain.conversation import ReplyState
from modechat.domain.modes import ChatMessage, Incomplete
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Load, SaveLanes, Shutdown
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import EngineError, ModelError
from modechat.models.check import check_model_file
from modechat.session.events import ModelReady, PhaseChanged, Remark, ReplyEnded, Trouble
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from tests.engine.driver import formats
from tests.session.fake_files import FakeFiles, with_files
from tests.session.harness import Harness, echo, running_session, send, settings
from tests.tiny_models import write_llama


def settings_for(model: str, **changes: object) -> SessionSettings:
    path = Path(model)
    if not path.is_file():
        raise ModelError(f"The model {model} does not exist", "Give a GGUF file.")
    options = SessionSettings(
        load=Load(model_path=model, n_ctx=1024, n_gpu_layers=0, n_threads=1, formats=formats()),
        sampling=Sampling(temperature=0, max_tokens=8),
        files=FakeFiles(check_model=lambda: check_model_file(path), settings_for=settings_for),
    )
    return replace(options, **changes)  # type: ignore[arg-type]


@pytest.fixture
def chat_model(tmp_path: Path) -> str:
    return str(write_llama(tmp_path / "first.gguf", n_ctx_train=1024))


@pytest.fixture
def base_model(tmp_path: Path) -> str:
    return str(write_llama(tmp_path / "second.gguf", chat_template=None, n_ctx_train=512, seed=1))


async def opened(harness: Harness) -> None:
    await harness.session.library.open_latest()
    await harness.ready()


async def test_another_model_goes_on_with_the_conversation_and_what_is_different_is_told(
    tmp_path: Path, chat_model: str, base_model: str
) -> None:
    options = settings_for(chat_model, thinking=True)
    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=options
    ) as harness:
        await opened(harness)
        await harness.say("Hello")
        assert await harness.session.model_choice.use(base_model) is None
        await harness.ready()
        assert harness.session.model is not None
        assert harness.session.model.name == "second"
        assert harness.session.settings.thinking is True
        (remark,) = harness.told(Remark)
        assert remark.text.startswith("The model is now second; the conversation goes on with it.")
        assert "format chat-template → transcript" in remark.text
        turn = await harness.say("And now?")
        assert turn is not None
        assert turn.reply.model == "second"
        view = await harness.session.prompts.of_turn(turn)
        assert "Hello" in view.text
        assert await harness.session.model_choice.use(base_model) is None
        await harness.ready()
        assert harness.told(Remark)[-1].text == "second was loaded again."


async def test_a_file_that_is_no_model_changes_nothing(tmp_path: Path, chat_model: str) -> None:
    (tmp_path / "text.gguf").write_text("no model")

    engine = WorkerEngine()
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=settings_for(chat_model)
    ) as harness:
        await opened(harness)
        before = engine.process_id
        for name in ("nonesuch.gguf", str(tmp_path / "text.gguf")):
            refused = await harness.session.model_choice.use(name)
            assert isinstance(refused, Incomplete)
            assert Path(name).name in refused.reason
        assert isinstance(await harness.session.model_choice.use(), Incomplete)
        assert engine.process_id == before
        assert await harness.say("Hello") is not None


async def test_a_model_that_cannot_be_loaded_offers_the_way_back(
    tmp_path: Path, chat_model: str
) -> None:
    unknown = write_llama(tmp_path / "odd.gguf", extra={"llama.attention.head_count": 0})

    async with running_session(
        tmp_path / "data", engine=WorkerEngine(), session_settings=settings_for(chat_model)
    ) as harness:
        await opened(harness)
        assert await harness.session.model_choice.use(str(unknown)) is None
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        assert "/model goes back to first." in harness.told(Trouble)[-1].hint
        assert await harness.session.model_choice.use() is None
        await harness.ready()
        assert harness.told(ModelReady)[-1].model.name == "first"
        assert await harness.say("Hello") is not None


async def test_the_lanes_are_saved_when_a_model_or_a_conversation_is_left(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    options = with_files(settings(), settings_for=lambda _name: settings())

    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await opened(harness)
        turn = await harness.say("Hello")
        assert turn is not None

        def saved() -> int:
            return sum(isinstance(request, SaveLanes) for request in engine.requests)

        await harness.session.library.begin_new()
        assert saved() == 1
        await harness.session.library.open(1)
        assert saved() == 1  # nothing was evaluated of the new one
        assert await harness.session.model_choice.use("another") is None
        await harness.ready()
        assert saved() == 2
        kinds = [type(request) for request in engine.requests]
        assert kinds[-2:] == [SaveLanes, Load]


async def test_an_idle_model_gives_its_memory_back_and_the_next_turn_loads_it_again(
    tmp_path: Path, chat_model: str
) -> None:
    engine = WorkerEngine()
    options = settings_for(chat_model, unload_after=0.3)
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options
    ) as harness:
        await opened(harness)
        worker = psutil.Process(engine.process_id)
        assert worker.memory_info().rss > 0
        await harness.until(lambda: harness.session.phase is Phase.UNLOADED)
        await asyncio.to_thread(worker.wait, 15)
        assert not worker.is_running()
        assert harness.session.model is not None  # it is still known which one it is
        with pytest.raises(EngineError, match="unloaded"):
            await harness.session.prompts.next(ChatMessage("Hello"))
        assert await send(harness.session, "Hello") is None
        await harness.until(lambda: not harness.session.is_busy)
        turn = harness.told(ReplyEnded)[-1].turn
        assert turn.reply.state is ReplyState.COMPLETE
        assert harness.told(Trouble) == []


async def test_the_time_counts_from_the_last_request(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)

    options = replace(settings(), unload_after=0.5)
    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await opened(harness)
        loop = asyncio.get_running_loop()
        await harness.say("Hello")
        answered = loop.time()
        await harness.until(lambda: harness.session.phase is Phase.UNLOADED)
        assert loop.time() - answered >= 0.45
        assert isinstance(engine.requests[-1], Shutdown)
        assert await harness.session.model_choice.use_format("chatml") is None
        assert isinstance(engine.requests[-1], Shutdown)  # it counts when the model is loaded again
        await send(harness.session, "Again")
        await harness.until(lambda: not harness.session.is_busy)
        phases = [event.phase for event in harness.told(PhaseChanged)]
        assert phases[phases.index(Phase.UNLOADED) + 1] is Phase.LOADING
        load = [request for request in engine.requests if isinstance(request, Load)][-1]
        assert load.format == "chatml"


async def test_nobody_unloads_a_model_that_shall_stay(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await opened(harness)
        assert harness.session._host._idle is None


async def test_a_conversation_that_another_model_answered_says_so_once(
    tmp_path: Path, chat_model: str, base_model: str
) -> None:
    def remarks(harness: Harness) -> list[str]:
        return [remark.text for remark in harness.told(Remark) if "last reply here" in remark.text]

    for model, told in (
        (chat_model, []),
        (chat_model, []),
        (base_model, ["The last reply here is from first; second goes on."]),
    ):
        engine = ScriptedEngine(echo)
        data = tmp_path / "data"
        async with running_session(
            data, engine=engine, session_settings=settings_for(model)
        ) as harness:
            await opened(harness)
            number = (
                harness.session.conversation.id
                if harness.session.conversation is not None
                else None
            )
            if number is not None:
                await harness.session.library.begin_new()
                await harness.session.library.open(number)
            assert remarks(harness) == told
            if model == chat_model:
                await harness.say("hello")


async def test_changing_the_model_is_told_in_one_line_only(
    tmp_path: Path, chat_model: str, base_model: str
) -> None:
    options = settings_for(chat_model)
    async with running_session(
        tmp_path / "data", engine=ScriptedEngine(echo), session_settings=options
    ) as harness:
        await opened(harness)
        await harness.say("hello")
        assert await harness.session.model_choice.use(base_model) is None
        await harness.ready()
        told = [remark.text for remark in harness.told(Remark)]
        assert ["The model is now second" in text for text in told] == [True]


async def test_without_a_chosen_model_nothing_is_loaded_until_one_is(
    tmp_path: Path, chat_model: str
) -> None:
    def none_chosen() -> object:
        raise ModelError("No model is chosen yet", "F3 lists those on this machine.")

    engine = ScriptedEngine(echo)
    options = settings_for(chat_model)
    options = replace(
        options,
        load=options.load.model_copy(update={"model_path": ""}),
        has_model=False,
    )
    options = with_files(options, check_model=none_chosen)
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options
    ) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        assert not harness.session.has_model
        assert (engine.requests, harness.told(Trouble)) == ([], [])
        assert await send(harness.session, "hello") is None
        await harness.until(lambda: bool(harness.told(ReplyEnded)))
        reply = harness.told(ReplyEnded)[-1].turn.reply
        assert (reply.state, reply.error) == (ReplyState.FAILED, "No model is chosen yet")
        assert not harness.session.has_previous_model
        assert await harness.session.model_choice.use(chat_model) is None
        await harness.ready()
        assert harness.session.has_model
        assert not harness.session.has_previous_model
        answered = await harness.say("hello")
        assert answered is not None
        assert answered.reply.text == "You said: hello"
