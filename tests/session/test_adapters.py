"""LoRA adapters that are changed while the program runs: they stay after a restart, and belong to
one model.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from modechat.domain.modes import Incomplete
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Adapter, Load, UseAdapters
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import ModelError
from modechat.session.events import AdaptersInUse, Remark, Trouble
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from tests.engine.driver import formats
from tests.session.fake_files import FakeFiles
from tests.session.harness import Harness, echo, running_session
from tests.tiny_models import write_llama, write_lora


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models `first` and `second`, the adapter `tone`, and `wrong` for another architecture."""
    folder = tmp_path_factory.mktemp("models")
    write_llama(folder / "first.gguf", n_ctx_train=1024)
    write_llama(folder / "second.gguf", n_ctx_train=1024, seed=1)
    write_lora(folder / "tone.gguf")
    write_lora(folder / "wrong.gguf", architecture="mamba")
    return folder


def adapter(folder: Path, name: str, scale: float = 1.0) -> Adapter:
    return Adapter(path=str(folder / f"{name}.gguf"), scale=scale)


def settings_of(
    folder: Path, name: str = "first", *adapters: Adapter, draft: str | None = None
) -> SessionSettings:
    load = Load(
        model_path=str(folder / f"{name}.gguf"),
        n_ctx=1024,
        n_gpu_layers=0,
        n_threads=1,
        formats=formats(),
    )
    return SessionSettings(
        load=load.model_copy(update={"adapters": adapters, "draft_path": draft}),
        sampling=Sampling(temperature=0, max_tokens=24),
        files=FakeFiles(settings_for=lambda name: settings_of(folder, name)),
    )


async def opened(harness: Harness) -> None:
    await harness.session.library.open_latest()
    await harness.ready()


async def task(harness: Harness) -> str:
    turn = await harness.say(
        "### Instruction Tell me something that takes a while, and then more of it."
    )
    assert turn is not None
    return turn.reply.text


async def test_they_are_applied_and_taken_away_and_stay_when_the_engine_starts_again(
    tmp_path: Path, folder: Path
) -> None:
    engine = WorkerEngine()
    async with running_session(
        tmp_path, engine=engine, session_settings=settings_of(folder)
    ) as harness:
        await opened(harness)
        plain = await task(harness)
        wanted = (adapter(folder, "tone", 3.0),)
        assert await harness.session.model_choice.use_adapters(wanted) is None
        assert harness.session.adapters == wanted
        assert harness.told(AdaptersInUse)[-1].adapters == wanted
        changed = await task(harness)
        assert changed != plain
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGKILL)
        await harness.until(lambda: bool(harness.told(Trouble)))
        await harness.ready()
        assert harness.told(AdaptersInUse)[-1].adapters == wanted
        assert await task(harness) == changed
        assert await harness.session.model_choice.use_adapters(()) is None
        assert await task(harness) == plain


async def test_one_that_does_not_fit_changes_nothing(tmp_path: Path, folder: Path) -> None:
    applied = (adapter(folder, "tone"),)
    options = settings_of(folder, "first", *applied)
    async with running_session(
        tmp_path, engine=WorkerEngine(), session_settings=options
    ) as harness:
        await opened(harness)
        refused = await harness.session.model_choice.use_adapters((adapter(folder, "wrong"),))
        assert isinstance(refused, Incomplete)
        assert "wrong.gguf is no LoRA adapter for this model" in refused.reason
        assert harness.session.adapters == applied
        assert await task(harness)


async def test_where_one_keeps_the_model_from_loading_the_model_loads_without(
    tmp_path: Path, folder: Path
) -> None:
    options = settings_of(folder, "first", adapter(folder, "wrong"))
    async with running_session(
        tmp_path, engine=WorkerEngine(), session_settings=options
    ) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: harness.session.phase is Phase.DOWN)
        assert "/lora off loads the model without." in harness.told(Trouble)[-1].hint
        assert await harness.session.model_choice.use_adapters(()) is None
        await harness.ready()
        assert await task(harness)


async def test_another_model_takes_neither_adapters_nor_a_draft_model_along(
    tmp_path: Path, folder: Path
) -> None:
    options = settings_of(folder, draft=str(folder / "second.gguf"))
    engine = ScriptedEngine(echo)
    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await opened(harness)
        wanted = (adapter(folder, "tone", 0.5),)
        await harness.session.model_choice.use_adapters(wanted)
        await harness.session.model_choice.use("second")
        await harness.ready()
        assert harness.told(Remark)[-1].text == (
            "Not used any more, because it belongs to the model before: the LoRA adapter tone ×0.5, "
            "the draft model second."
        )
        assert harness.session.adapters == ()
        assert harness.told(AdaptersInUse)[-1].adapters == ()
        await harness.session.model_choice.use()  # and back
        await harness.ready()
        loads = [request for request in engine.requests if isinstance(request, Load)]
        assert [(load.adapters, load.draft_path is not None) for load in loads] == [
            ((), True),
            ((), False),
            (wanted, True),
        ]
        assert "Not used" not in harness.told(Remark)[-1].text


async def test_an_engine_that_ends_instead_of_answering_is_told(
    tmp_path: Path, folder: Path
) -> None:
    class Dying(WorkerEngine):
        def send(self, request: object) -> None:
            if isinstance(request, UseAdapters):
                assert self.process_id is not None
                os.kill(self.process_id, signal.SIGKILL)
            super().send(request)  # type: ignore[arg-type]

    async with running_session(
        tmp_path, engine=Dying(), session_settings=settings_of(folder)
    ) as harness:
        await opened(harness)
        refused = await harness.session.model_choice.use_adapters((adapter(folder, "tone"),))
        assert isinstance(refused, Incomplete)
        assert "ended" in refused.reason
        assert harness.session.adapters == ()
        await harness.ready()


async def test_while_the_model_is_loaded_nothing_is_changed(tmp_path: Path, folder: Path) -> None:
    async with running_session(tmp_path, session_settings=settings_of(folder)) as harness:
        assert isinstance(
            await harness.session.model_choice.use_adapters((adapter(folder, "tone"),)), Incomplete
        )
        await opened(harness)
        with pytest.raises(ModelError):
            harness.session.settings.files.read_adapter("tone")
