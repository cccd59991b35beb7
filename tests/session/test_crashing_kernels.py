"""A conversation on a machine where llama.cpp's kernels for the processor crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modechat.domain.conversation import ReplyState
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.diagnosis import Remedy
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import Engine, Load
from modechat.engine.second_try import SecondTry
from modechat.session.events import ModelReady, Remark, Trouble
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from tests.dying_worker import FOLDER
from tests.engine.driver import formats
from tests.session.fake_files import checked
from tests.session.harness import running_session, send
from tests.tiny_models import write_llama

REMEDY = Remedy("It was built elsewhere.", "build it here")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> SessionSettings:
    model = write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=8192)
    return SessionSettings(
        load=Load(
            model_path=str(model), n_ctx=4096, n_gpu_layers=0, n_threads=1, formats=formats()
        ),
        sampling=Sampling(temperature=0, max_tokens=12),
        files=checked(model),
    )


def crashing_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> Engine:
    monkeypatch.setenv("DYING_WORKER", how)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, (FOLDER, os.environ.get("PYTHONPATH"))))
    )
    memory = ExtrasMemory(tmp_path / "cpu-extras.json", lambda: {"build": "b", "processor": "p"})
    return SecondTry(WorkerEngine(), memory, lambda _: REMEDY)


async def test_the_message_is_answered_and_one_quiet_line_says_why_it_took_longer(
    options: SessionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = crashing_engine(tmp_path, monkeypatch, "decode SIGILL extras")

    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        turn = await harness.say("Hello")
        assert turn is not None
        assert turn.reply.state is ReplyState.COMPLETE
        assert turn.request.text == "Hello"  # type: ignore[union-attr]
        assert [
            remark.text for remark in harness.told(Remark) if "goes on without them" in remark.text
        ]
        assert harness.told(Trouble) == []
        again = await harness.say("And again")
        assert again is not None
        assert again.reply.state is ReplyState.COMPLETE


async def test_a_model_that_crashes_while_it_loads_is_loaded_and_the_message_that_waited_answered(
    options: SessionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = crashing_engine(tmp_path, monkeypatch, "load SIGSEGV extras")

    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await harness.session.library.open_latest()
        assert await send(harness.session, "Hello") is None  # before the model is ready
        await harness.until(lambda: bool(harness.told(ModelReady)))
        await harness.ready()
        conversation = harness.session.conversation
        assert conversation is not None
        assert conversation.turns[-1].reply.state is ReplyState.COMPLETE
        assert harness.told(Trouble) == []


@pytest.mark.parametrize("moment", ["load", "decode"])
async def test_where_only_another_build_helps_nothing_else_is_offered(
    options: SessionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    engine = crashing_engine(tmp_path, monkeypatch, f"{moment} SIGILL always")

    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await harness.session.library.open_latest()
        assert await send(harness.session, "Hello") is None
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        await harness.until(lambda: not harness.session.is_busy)
        (trouble,) = harness.told(Trouble)
        assert str(REMEDY).strip() in trouble.hint
        for word in ("context", "Ctrl+R", "smaller", "starting again"):
            assert word not in trouble.hint
        conversation = harness.session.conversation
        assert conversation is not None
        assert len(conversation.turns) == 1  # what was typed is kept
