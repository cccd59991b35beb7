"""A real worker that dies, at every moment: nothing shown is lost, and there is a way on that can
work.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from modechat.domain.conversation import ReplyState, Turn
from modechat.domain.key_names import usual_keys
from modechat.domain.modes import ChatMessage, Incomplete
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Failed, Inspect, Load, Request
from modechat.engine.scripted import ScriptedEngine
from modechat.engine.watchdog import Patience
from modechat.errors import EngineError
from modechat.session.events import (
    ModelReady,
    PromptEvaluated,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    Trouble,
)
from modechat.session.phase import Phase
from modechat.session.settings import SessionSettings
from modechat.store import Store
from tests.engine.driver import formats
from tests.session.fake_files import checked
from tests.session.harness import Clock, Harness, echo, running_session, send, settings
from tests.tiny_models import write_endless, write_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=8192)


def options(model: Path, n_ctx: int | None = 4096) -> SessionSettings:
    return SessionSettings(
        load=Load(
            model_path=str(model), n_ctx=n_ctx, n_gpu_layers=0, n_threads=1, formats=formats()
        ),
        sampling=Sampling(temperature=1.0, seed=11),
        files=checked(model),
    )


def endless_options(folder: Path) -> SessionSettings:
    """Replies go on until somebody ends them."""
    endless = options(write_endless(folder / "endless.gguf"), n_ctx=32768)
    return replace(endless, sampling=Sampling(temperature=0, stop_repetition=False))


class Killer:
    """Sends the worker a signal when the first event of a kind comes."""

    def __init__(self, kind: type[SessionEvent], number: int = signal.SIGKILL) -> None:
        self.engine = WorkerEngine(
            patience=Patience(silent=2.5, starting=20, standing_still=10, loading=20)
        )
        self._kind = kind
        self._number = number
        self.has_killed = False

    def __call__(self, event: SessionEvent) -> None:
        if isinstance(event, self._kind) and not self.has_killed:
            self.has_killed = True
            self.kill(self._number)

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.engine.process_id is not None
        os.kill(self.engine.process_id, number)


def saved_turn(folder: Path, turn: Turn) -> Turn:
    """The turn as it is on disk."""
    store = Store.open(folder, Clock())
    try:
        conversation = store.conversation(store.latest_id() or 0)
        return next(saved for saved in conversation.turns if saved.id == turn.id)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("moment", "number", "words"),
    [
        (PromptEvaluated, signal.SIGKILL, "was killed (SIGKILL)"),
        (ReplyGrew, signal.SIGKILL, "was killed (SIGKILL)"),
        (ReplyGrew, signal.SIGABRT, "gave up (SIGABRT)"),
        (ReplyGrew, signal.SIGSTOP, "hung: it gave no sign of life"),
    ],
)
async def test_a_death_in_a_turn_keeps_what_was_shown_and_the_engine_starts_again(
    tmp_path: Path, moment: type[SessionEvent], number: int, words: str
) -> None:
    killer = Killer(moment, number)
    endless = endless_options(tmp_path)

    async with running_session(
        tmp_path, engine=killer.engine, session_settings=endless, watch=killer
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await send(harness.session, "Go " * 400)
        await harness.until(lambda: bool(harness.told(ReplyEnded)))
        turn = harness.told(ReplyEnded)[-1].turn
        assert turn.reply.state is ReplyState.INTERRUPTED
        assert turn.reply.text == "".join(event.text for event in harness.told(ReplyGrew)).strip()
        assert saved_turn(tmp_path, turn) == turn
        trouble = harness.told(Trouble)[-1]
        assert words in trouble.title
        assert "Ctrl+R asks again" in usual_keys(trouble.hint)
        assert trouble.details
        await harness.ready()  # it started again by itself
        assert await harness.session.regenerate() is None
        await harness.session.stop()
        await harness.ready()


async def test_a_death_while_nothing_runs_is_told_and_the_engine_starts_again(
    model: Path, tmp_path: Path
) -> None:
    killer = Killer(Trouble)

    async with running_session(
        tmp_path, engine=killer.engine, session_settings=options(model)
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        killer.kill()
        await harness.until(lambda: len(harness.told(ModelReady)) == 2)
        assert harness.told(Trouble)[-1].hint == "It is starting again."


async def test_a_death_while_a_prompt_is_looked_at_is_its_answer(
    model: Path, tmp_path: Path
) -> None:
    killer = Killer(Trouble)

    async with running_session(
        tmp_path, engine=killer.engine, session_settings=options(model)
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        killer.kill(signal.SIGSTOP)
        with pytest.raises(EngineError, match="starting again"):
            await harness.session.prompts.next(ChatMessage("Hello"))
        await harness.ready()
        assert (await harness.session.prompts.next(ChatMessage("Hello"))).text


async def test_a_death_while_it_starts_fails_the_waiting_turn_and_a_retry_with_less_asks_it_again(
    model: Path, tmp_path: Path
) -> None:
    killer = Killer(Trouble)

    async with running_session(
        tmp_path, engine=killer.engine, session_settings=options(model)
    ) as harness:
        await harness.session.library.open_latest()
        await send(harness.session, "Hello?")
        killer.kill()
        await harness.until(
            lambda: harness.session.phase is Phase.DOWN and not harness.session.is_busy
        )
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.FAILED
        assert "Ctrl+R or /retry loads it with half the context (2,048 tokens)." in usual_keys(
            harness.told(Trouble)[-1].hint
        )
        assert await harness.session.retry_with_less() is None
        await harness.ready()
        assert harness.told(ModelReady)[-1].model.n_ctx == 2048
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.COMPLETE
        assert isinstance(await harness.session.retry_with_less(), Incomplete)


async def test_a_worker_that_is_killed_while_it_saves_what_it_evaluated_costs_nothing(
    model: Path, tmp_path: Path
) -> None:
    killer = Killer(Trouble)

    async with running_session(
        tmp_path, engine=killer.engine, session_settings=options(model)
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        killer.kill(signal.SIGSTOP)  # so that it cannot end by itself before it is killed
        harness.session._host.unload()
        killer.kill()
        await send(harness.session, "Hello")
        await harness.until(lambda: bool(harness.told(ReplyEnded)))
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.COMPLETE
        assert harness.told(Trouble) == []


@pytest.fixture
def little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets workers have no more address space than so many bytes."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the limit of address space works on Linux")
    folder = tmp_path / "limits"
    folder.mkdir()

    def limit(n_bytes: int) -> None:
        (folder / "sitecustomize.py").write_text(
            textwrap.dedent(
                f"""
                import resource, sys
                if "modechat.engine.worker" in sys.orig_argv:
                    resource.setrlimit(resource.RLIMIT_AS, ({n_bytes}, {n_bytes}))
                """
            )
        )

    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    return limit


async def test_a_context_that_does_not_fit_into_memory_is_halved_until_it_does(
    model: Path, tmp_path: Path, little_memory: Callable[[int], None]
) -> None:
    async def used_by_a_small_one() -> int:
        engine = WorkerEngine()
        async with running_session(
            tmp_path / "a", engine=engine, session_settings=options(model, 512)
        ) as harness:
            await harness.session.library.open_latest()
            await harness.ready()
            return int(psutil.Process(engine.process_id).memory_info().vms)

    little_memory(await used_by_a_small_one() + (300 << 20))

    wanted = 1 << 20
    async with running_session(
        tmp_path / "b", engine=WorkerEngine(), session_settings=options(model, wanted)
    ) as harness:
        await harness.session.library.open_latest()
        await send(harness.session, "Hello?")
        while True:
            await harness.until(lambda: harness.session.phase in (Phase.DOWN, Phase.READY))
            if harness.session.phase is Phase.READY:
                break
            await harness.until(lambda: not harness.session.is_busy)
            wanted //= 2
            assert f"with half the context ({wanted:,} tokens)" in harness.told(Trouble)[-1].hint
            assert await harness.session.regenerate() is None  # Ctrl+R does the same
        await harness.ready()
        assert harness.told(Trouble)
        assert harness.told(ModelReady)[-1].model.n_ctx == wanted
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.COMPLETE


DIED = Failed(
    id=None,
    kind="engine",
    title="The engine crashed (SIGSEGV)",
    log_tail=("last words",),
    died=True,
)


class Dying(ScriptedEngine):
    """Dies over every message that says so, and when it is told to."""

    def __init__(self) -> None:
        super().__init__(lambda request: DIED if "die" in str(request.prompt) else echo(request))

    def die(self) -> None:
        self._events.put_nowait(DIED)


async def _down(harness: Harness) -> Trouble:
    await harness.until(lambda: harness.session.phase is Phase.DOWN and not harness.session.is_busy)
    return harness.told(Trouble)[-1]


async def test_an_engine_that_dies_again_over_the_same_message_is_not_started_in_a_loop(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, engine=Dying()) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await send(harness.session, "die")
        await harness.until(lambda: len(harness.told(ReplyEnded)) == 1)
        await harness.ready()
        assert "starting again" in harness.told(Trouble)[-1].hint
        await harness.session.regenerate()
        trouble = await _down(harness)
        assert trouble.hint.startswith(
            "It died over this message before, so it does not start again by itself."
        )
        assert re.search(
            r"Ctrl\+R or /retry loads it with a context of 2,048 tokens\.", usual_keys(trouble.hint)
        )
        assert harness.told(ReplyEnded)[-1].turn.reply.state is ReplyState.INTERRUPTED
        assert (await harness.say("Hello")) is not None  # another message may work


async def test_an_engine_that_dies_three_times_within_a_minute_stays_down(tmp_path: Path) -> None:
    engine = Dying()

    async with running_session(tmp_path, engine=engine) as harness:
        await harness.session.library.open_latest()
        for count in (1, 2):
            await harness.ready()
            engine.die()
            await harness.until(lambda count=count: len(harness.told(Trouble)) == count)  # type: ignore[misc]
        await harness.ready()
        engine.die()
        trouble = await _down(harness)
        assert trouble.hint.startswith("It died 3 times within a minute")
        assert await harness.session.retry_with_less() is None
        await harness.ready()
        load = [request for request in engine.requests if isinstance(request, Load)][-1]
        assert load.n_ctx == 2048


async def test_what_is_wrong_with_a_format_is_no_reason_to_give_up_the_model(
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(echo)

    async with running_session(tmp_path, engine=engine, session_settings=settings()) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        engine._events.put_nowait(Failed(id=None, kind="engine", title="No such format"))
        await harness.until(lambda: bool(harness.told(Trouble)))
        assert harness.session.phase is Phase.READY
        assert await harness.say("Hello") is not None


class DyingOverPrompts(Dying):
    """Dies as well where a prompt is to be looked at."""

    def send(self, request: Request) -> None:
        if isinstance(request, Inspect):
            self.die()
        else:
            super().send(request)


async def test_whoever_waits_for_a_prompt_hears_of_an_engine_that_stays_down(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, engine=DyingOverPrompts()) as harness:
        await harness.session.library.open_latest()
        for _ in range(2):
            await harness.ready()
            with pytest.raises(EngineError, match="starting again"):
                await harness.session.prompts.next(ChatMessage("Hello"))
        await harness.ready()
        with pytest.raises(EngineError, match="gone"):
            await asyncio.wait_for(harness.session.prompts.next(ChatMessage("Hello")), 10)
        assert harness.session.phase is Phase.DOWN
