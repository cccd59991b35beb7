"""Evaluated chats on disk, from start to start: found again, and gone with their conversation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modechat.cli.options import ModelOptions
from modechat.cli.setup import session_settings
from modechat.config import Config
from modechat.domain.conversation import Turn
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Generate, Load
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import StoreError
from modechat.paths import states_folder
from modechat.prompt_files import load_prompt_files
from modechat.session.settings import SessionSettings
from modechat.store import Store
from tests.session.harness import Clock, Harness, echo, running_session, settings
from tests.tiny_models import write_llama

LONG = "Tell me more of it. " * 25  # 500 tokens of the tiny model


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionSettings:
    """The settings of the program for a tiny model, with all folders in `tmp_path`."""
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return options_of(write_llama(tmp_path / "tiny.gguf", n_ctx_train=4096))


def options_of(model: Path, *, keep_history: bool = True, **changes: object) -> SessionSettings:
    sampling = Sampling(temperature=0, max_tokens=12)
    wanted = ModelOptions(ctx=2048, gpu_layers=0, sampling=sampling)
    files = load_prompt_files(own=Path("/nonexistent"))
    return session_settings(
        wanted, Config.model_validate(changes), model, files, keep_history=keep_history
    )


def kept() -> list[Path]:
    """The files that say something of a chat."""
    return [path for path in states_folder().glob("*") if path.stat().st_size]


async def turn_of(harness: Harness, text: str) -> Turn:
    await harness.session.library.open_latest()
    await harness.ready()
    turn = await harness.say(text)
    assert turn is not None
    return turn


def restored(turn: Turn) -> int:
    assert turn.reply.stats is not None
    return turn.reply.stats.restored_tokens


async def one_start(tmp_path: Path, options: SessionSettings, text: str) -> Turn:
    """The program from its start to its end, with one turn of the latest conversation."""
    async with running_session(
        tmp_path / "db", engine=WorkerEngine(), session_settings=options
    ) as harness:
        return await turn_of(harness, text)


async def test_a_long_chat_is_not_evaluated_again_after_a_restart(
    tmp_path: Path, options: SessionSettings
) -> None:
    await one_start(tmp_path, options, LONG)
    assert len(kept()) == 2
    assert restored(await one_start(tmp_path, options, "And then?")) > 500


async def test_a_deleted_conversation_leaves_nothing_even_if_the_engine_still_has_it(
    tmp_path: Path, options: SessionSettings
) -> None:
    await one_start(tmp_path, options, LONG)

    async with running_session(
        tmp_path / "db", engine=WorkerEngine(), session_settings=options
    ) as harness:
        turn = await turn_of(harness, "And then?")
        assert restored(turn) > 500
        assert harness.session.conversation is not None
        await harness.session.library.delete(harness.session.conversation.id)
        assert kept() == []
    assert kept() == []  # the engine has ended, and kept what it had


async def test_a_conversation_of_another_database_keeps_its_own(
    tmp_path: Path, options: SessionSettings
) -> None:
    await one_start(tmp_path / "one", options, LONG)

    clock = Clock()
    clock()  # it was not begun in the same microsecond
    store = Store.open(tmp_path / "two", clock)
    async with running_session(tmp_path, echo, session_settings=options, store=store) as harness:
        await turn_of(harness, "Hello")
        await harness.session.library.delete(1)
    assert len(kept()) == 2


@pytest.mark.parametrize("changes", [{"keep_evaluated": False}, {"keep_history": False}])
async def test_nothing_is_kept_where_the_user_wants_it_so(
    tmp_path: Path, options: SessionSettings, changes: dict[str, bool]
) -> None:
    switched_off = options_of(Path(options.load.model_path), **changes)
    await one_start(tmp_path, switched_off, LONG)
    assert not states_folder().exists()


def test_their_size_is_the_users(options: SessionSettings) -> None:
    model = Path(options.load.model_path)
    assert options.load.state_bytes == 2 << 30
    assert options_of(model, kept_gib=0.5).load.state_bytes == 1 << 29


async def test_only_chat_turns_are_named_and_every_conversation_otherwise(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    load = Load(
        model_path="(none)", formats=settings().load.formats, state_folder=str(tmp_path / "states")
    )

    options = replace(settings(), load=load)
    async with running_session(tmp_path, engine=engine, session_settings=options) as harness:
        await turn_of(harness, "Hello")
        await harness.session.regenerate()
        await harness.ready()
        await harness.say("### Instruction A task")
        await harness.session.library.begin_new()
        await harness.say("Another")
        first, again, task, other = [
            one.conversation for one in engine.requests if isinstance(one, Generate)
        ]
        assert first == again != ""
        assert task == ""
        assert other not in ("", first)


def test_what_cannot_be_removed_is_told(options: SessionSettings) -> None:
    states_folder().parent.mkdir(parents=True)
    states_folder().write_text("no folder")
    with pytest.raises(StoreError, match="cannot be removed"):
        options.files.forget_chat("1")


def test_deleting_makes_no_folder_where_none_is_kept(options: SessionSettings) -> None:
    options_of(Path(options.load.model_path), keep_evaluated=False).files.forget_chat("1")
    assert not states_folder().exists()
