"""The session when the engine fails or dies: nothing is lost, and there is a way on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from modechat.domain.conversation import ReplyState
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Failed, Load
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import ModelError
from modechat.session.events import ReplyEnded, ReplyGrew, Trouble
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from tests.engine.driver import formats
from tests.session.fake_files import with_files
from tests.session.harness import echo, running_session, send, settings
from tests.tiny_models import write_llama


async def test_a_worker_killed_in_the_middle_of_a_reply_costs_nothing_shown(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=8192)
    options = SessionSettings(
        load=Load(model_path=str(model), n_ctx=8192, formats=formats()),
        # A random model says little that is text; a banned end makes the reply long.
        sampling=Sampling(temperature=1.0, seed=11),
    )

    engine = WorkerEngine()
    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await send(harness.session, "Go " * 1000)
        await harness.until(lambda: harness.session.phase is Phase.GENERATING)
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGKILL)
        await harness.until(lambda: bool(harness.told(ReplyEnded)))
        turn = harness.told(ReplyEnded)[-1].turn
        shown = "".join(event.text for event in harness.told(ReplyGrew))
        assert turn.reply.state is ReplyState.INTERRUPTED
        assert turn.reply.text == shown.strip()
        await harness.ready()  # it started again by itself
        trouble = harness.told(Trouble)[-1]
        assert "SIGKILL" in trouble.title
        assert "Ctrl+R" in trouble.hint
        await send(harness.session, "### Instruction Still there?")
        await harness.session.stop()
        await harness.ready()


async def test_a_model_that_cannot_be_loaded_fails_the_waiting_turn_and_the_next_one_tries_again(
    tmp_path: Path,
) -> None:
    class Flaky(ScriptedEngine):
        def start(self) -> None:
            self._load_error = None  # the second start works

    broken = Failed(id=None, kind="model", title="It is broken", hint="Take another one.")

    engine = Flaky(echo)
    async with running_session(tmp_path, engine=engine) as harness:
        engine._load_error = broken
        await harness.session.library.open_latest()
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        assert harness.told(Trouble)[-1] == Trouble("It is broken", "Take another one.")
        turn = await harness.say("Are you there?")
        assert turn is not None
        assert turn.reply.text == "You said: Are you there?"


async def test_a_file_that_the_check_refuses_never_reaches_the_engine(tmp_path: Path) -> None:
    def refuse() -> None:
        raise ModelError("Not a model", "Take another one.")

    options = with_files(settings(), check_model=refuse)
    async with running_session(tmp_path, session_settings=options) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        assert isinstance(harness.engine, ScriptedEngine)
        assert harness.engine.requests == []
        assert harness.told(Trouble)[-1].title == "Not a model"
        assert await send(harness.session, "Hello") is None
        await harness.until(lambda: bool(harness.told(ReplyEnded)))
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.FAILED


async def test_a_disk_that_refuses_keeps_the_message_from_the_engine(tmp_path: Path) -> None:
    from modechat.errors import StoreError

    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("First")
        for file in tmp_path.glob("conversations.sqlite3*"):
            file.write_bytes(b"damaged" * 2000)
        error: StoreError | None = None
        try:
            await send(harness.session, "Second")
        except StoreError as caught:
            error = caught
        assert error is not None
        assert error.hint
        assert len(harness.requests) == 1
