"""What the screen shows in states that matter, against files: `pytest --update-snapshots` writes
them anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from textual import events

from modechat.cli.demo import demo_settings, reply_to
from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.engine.protocol import Failed, Generate
from modechat.engine.scripted import Leak, ScriptedEngine, last_user_text
from modechat.store import Store
from modechat.tui.live_meter import Live, LiveMeter
from modechat.tui.look import ANSI, DARK, HIGH_CONTRAST, LIGHT, Look
from tests.tui.harness import Screen, running_app
from tests.tui.snapshot import difference, path_of, snapshot

_SECONDS = 15
_WORDS_BEFORE_THE_PAUSE = 40
FOREIGN = """\
| 言語 | greeting |
| --- | --- |
| 日本語 | こんにちは、世界 |
| 한국어 | 안녕하세요 |
| emoji | 👩‍👩‍👧 🇨🇭 ❤️ 🚀 |

1. 漢字とかな交じり文は、単語の間に空白がないので、どこででも折り返すことができます。長い行も読めます。
2. e\N{COMBINING ACUTE ACCENT} is one letter, and so is ü."""


class Gate:
    """A pace: as fast as it goes, until a reply that `waits` has said some words."""

    def __init__(self) -> None:
        self.waits = False
        self._words = 0
        self._opened = asyncio.Event()

    async def __call__(self) -> None:
        await asyncio.sleep(0)
        self._words += 1
        if self.waits and self._words > _WORDS_BEFORE_THE_PAUSE:
            await self._opened.wait()

    def shut(self) -> None:
        self.waits, self._words = True, 0

    def open(self) -> None:
        self._opened.set()


def script(request: Generate) -> str | Leak | Failed:
    said = last_user_text(request)
    if said.startswith("fail"):
        lines = ("llama_decode: failed to decode", "ggml: out of memory")
        return Failed(
            id=None, kind="engine", title="The engine failed", hint="Try again.", log_tail=lines
        )
    return FOREIGN if said.startswith("foreign") else reply_to(request)


@dataclass
class Stage:
    screen: Screen
    gate: Gate

    async def begin(self, text: str) -> None:
        """Send a message whose reply stops after some words, and wait until they are shown."""
        self.gate.shut()
        await self.screen.type(text)
        await self.screen.press("enter")
        await self.screen.until(
            lambda: bool(self.screen.replies) and self._n_words >= _WORDS_BEFORE_THE_PAUSE - 1
        )

    @property
    def _n_words(self) -> int:
        return len(self.screen.replies[-1].split())


Scene = Callable[[Stage], Awaitable[None]]


async def nothing(stage: Stage) -> None:
    pass


async def chat(stage: Stage) -> None:
    await stage.screen.send("What does quantization do to a model?")
    await stage.screen.send("How is a block rounded?")


async def instruct(stage: Stage) -> None:
    await stage.screen.send("### Instruction")
    await stage.screen.send("Translate into Spanish\n### Input\nI love you")
    await stage.screen.type("### Chat and")


async def streaming(stage: Stage) -> None:
    await stage.begin("What does quantization do to a model?")
    await stage.screen.type("And this is queued")
    await stage.screen.press("enter")
    await stage.screen.sees("queued")


async def stopped(stage: Stage) -> None:
    await stage.begin("What does quantization do to a model?")
    await stage.screen.press("escape")
    stage.gate.open()
    await stage.screen.settled()


async def failed(stage: Stage) -> None:
    await stage.screen.send("fail")


async def thinking(stage: Stage) -> None:
    await stage.screen.send("think about rain")
    await stage.screen.press("ctrl+y")
    await stage.screen.press("ctrl+n")
    await stage.screen.until(lambda: not stage.screen.transcript.turns)
    await stage.screen.send("Two trains meet")
    stage.screen.transcript.turns[-1].reply.open_thinking(True)
    await stage.screen.send("think about snow")
    stage.screen.transcript.turns[-1].reply.open_thinking(False)


async def foreign(stage: Stage) -> None:
    await stage.screen.send("foreign")


async def menu(stage: Stage) -> None:
    await stage.screen.send("How is a block rounded?")
    await stage.screen.press("ctrl+up", "f8")
    await stage.screen.until(lambda: len(stage.screen.app.screen_stack) == 2)


async def news(stage: Stage) -> None:
    await stage.screen.send("What does quantization do to a model?")
    await stage.begin("What does quantization mean?")
    await stage.screen.press("pageup", "pageup")
    stage.gate.open()
    await stage.screen.settled()
    await stage.screen.sees("new text below")


async def completion(stage: Stage) -> None:
    await stage.screen.type("/f")
    await stage.screen.sees("/format")


async def token(stage: Stage) -> None:
    stage.screen.prompt.area.post_message(events.Paste("some line\n" * 240))
    await stage.screen.sees("Pasted text")
    await stage.screen.type(" What is it?")


def opens(key: str, text: str) -> Scene:
    async def scene(stage: Stage) -> None:
        await stage.screen.send("What is Alpaca?")
        await stage.screen.type("Go on")
        await stage.screen.press(key)
        await stage.screen.sees(text)

    return scene


@dataclass(frozen=True)
class State:
    scene: Scene
    size: tuple[int, int] = (80, 24)
    look: Look = field(default_factory=lambda: Look(DARK, has_motion=False))


STATES = {
    "welcome": State(nothing),
    "chat-80x24": State(chat),
    "chat-120x40": State(chat, (120, 40)),
    "chat-40x15": State(chat, (40, 15)),
    "chat-300x100": State(chat, (300, 100)),
    "instruct": State(instruct),
    "streaming-queued": State(streaming),
    "stopped": State(stopped),
    "failed": State(failed),
    "thinking": State(thinking, (80, 30)),
    "foreign": State(foreign),
    "menu": State(menu),
    "new-text": State(news),
    "completion": State(completion),
    "pasted": State(token),
    "models": State(opens("f3", "5 models")),
    "conversations": State(opens("ctrl+o", "Each task")),
    "settings": State(opens("f4", "Randomness")),
    "inspector": State(opens("f2", "assistant")),
    "help": State(opens("f1", "Esc closes")),
    "log": State(opens("f12", "loaded meta data")),
    "light": State(chat, look=Look(LIGHT, has_motion=False)),
    "high-contrast": State(chat, look=Look(HIGH_CONTRAST, has_motion=False)),
    "ansi": State(chat, look=Look(ANSI, has_motion=False)),
    "compact": State(chat, look=Look(DARK, is_compact=True, has_motion=False)),
}


def keep_conversations(folder: Path) -> None:
    """Some that are older than the one that a scene begins."""
    now = datetime(2025, 12, 30, tzinfo=UTC)
    store = Store.open(folder, lambda: now)
    for title, request in (
        ("Names for a cat", ChatMessage("Names?")),
        ("Te quiero", Task("Translate", "I love you")),
    ):
        now += timedelta(hours=20)
        conversation = store.create_conversation(title, ModeState())
        turn = store.add_turn(conversation.id, None, title, request, in_chat=True)
        store.save_reply(turn.id, Reply("Ash, or Misty.", ReplyState.COMPLETE, StopReason.END))
    store.close()


@pytest.fixture
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time, the machine's memory, the home folder and the engine's log."""
    log = tmp_path / "engine.log"
    log.write_text("llama_model_loader: loaded meta data\nload_tensors: done\n", encoding="utf-8")
    clock = Mock()
    clock.now.return_value = datetime(2026, 1, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("modechat.tui.handlers.screens.datetime", clock)
    monkeypatch.setattr("modechat.tui.screens.model_list.free_memory", lambda: 6_200_000_000)
    monkeypatch.setattr(
        LiveMeter,
        "read",
        lambda meter: Live(3, 40, 12.5, 8, Mode.CHAT) if meter.is_running else None,
    )
    monkeypatch.chdir(tmp_path)  # the path is shown
    monkeypatch.setattr("modechat.paths.engine_log_file", lambda: Path("engine.log"))
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("name", STATES)
async def test_the_screen_is_as_it_was(
    name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    state = STATES[name]
    kept = path_of(name)
    gate = Gate()
    engine = ScriptedEngine(script, gate)
    keep_conversations(tmp_path / "store")
    async with running_app(
        tmp_path / "store",
        engine=engine,
        size=state.size,
        look=state.look,
        resume=False,
        session_settings=demo_settings(),
    ) as screen:
        assert screen.app.session is not None
        await screen.settled()
        await state.scene(Stage(screen, gate))
        if pytestconfig.getoption("--update-snapshots"):
            kept.write_text(await at_rest(screen), encoding="utf-8")
            return
        expected = kept.read_text(encoding="utf-8")
        deadline = time.monotonic() + _SECONDS
        while snapshot(screen.app) != expected:
            if time.monotonic() > deadline:
                pytest.fail(difference(expected, snapshot(screen.app), name), pytrace=False)
            await screen.pilot.pause(0.02)


async def at_rest(screen: Screen) -> str:
    """The screen when it has not changed for a second."""
    shown, since = snapshot(screen.app), time.monotonic()
    while time.monotonic() - since < 1:
        await screen.pilot.pause(0.05)
        if (now := snapshot(screen.app)) != shown:
            shown, since = now, time.monotonic()
    return shown


def test_there_is_no_snapshot_without_its_state() -> None:
    assert {path.stem for path in path_of("x").parent.iterdir()} == set(STATES)
