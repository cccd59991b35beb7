"""The table of phases, by properties: whatever happens in whatever order, the session stays in
it.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modechat.engine.protocol import Failed, Request
from modechat.engine.scripted import ScriptedEngine
from modechat.session.events import PhaseChanged, ReplyEnded, TurnAdded, TurnReplaced
from modechat.session.phase import TRANSITIONS, Phase, check_transition
from tests.examples import examples
from tests.session.fake_files import with_files
from tests.session.harness import running_session, send
from tests.session.harness import settings as harness_settings

DIED = Failed(id=None, kind="engine", title="It died", died=True)


def test_every_phase_can_be_closed_and_nothing_follows() -> None:
    assert all(Phase.CLOSED in TRANSITIONS[phase] for phase in Phase if phase is not Phase.CLOSED)
    assert not TRANSITIONS[Phase.CLOSED]


def test_a_transition_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot go from down to ready"):
        check_transition(Phase.DOWN, Phase.READY)


class MortalEngine(ScriptedEngine):
    """Dies on demand, as the worker's client tells it: once, and then it must be started again."""

    def __init__(self) -> None:
        super().__init__(lambda _request: "some words to say")
        self._alive = False

    def start(self) -> None:
        self._alive = True

    def send(self, request: Request) -> None:
        if self._alive:
            super().send(request)

    def die(self) -> None:
        if self._alive:
            self._alive = False
            for task in list(self._tasks):
                task.cancel()
            self._events.put_nowait(DIED)


RESTING = (Phase.READY, Phase.DOWN, Phase.UNLOADED)
COMMAND_NAMES = (
    *("send", "stop", "regenerate", "continue", "retry", "compact", "pin", "model", "idle"),
    *("other-mode", "toggle", "new", "header", "die", "wait", "rest"),
)
COMMANDS = st.lists(
    st.sampled_from(COMMAND_NAMES),
    max_size=16,
)


async def live_through(commands: list[str], folder: Path) -> None:  # noqa: C901 # a line each
    """A session in which all this happens; checks that it comes back and that every turn ends."""
    engine = MortalEngine()
    options = with_files(harness_settings(), settings_for=lambda _name: harness_settings())
    async with running_session(folder, engine=engine, session_settings=options) as harness:
        session = harness.session
        await session.library.open_latest()
        for command in commands:
            match command:
                case "send":
                    await send(session, "Hello")
                case "stop":
                    await session.stop()
                case "regenerate":
                    await session.regenerate()
                case "other-mode":
                    await session.turns.run_in_other_mode()
                case "continue":
                    await session.turns.continue_reply()
                case "retry":
                    await session.retry_with_less()
                case "compact":
                    await session.compact()
                case "pin":
                    await session.turns.toggle_pin()
                case "model":
                    await session.model_choice.use("another")
                case "idle" if session.phase is Phase.READY and not session.is_busy:
                    session._host.unload()
                case "toggle":
                    await session.toggle_mode()
                case "new":
                    await session.library.begin_new()
                case "header":
                    await send(session, "### Instruction")
                case "die":
                    engine.die()
                case "wait":
                    await asyncio.sleep(0)
                case "rest":
                    await asyncio.sleep(0.01)
        await harness.until(lambda: not session.is_busy and session.phase in RESTING)
        if session.phase is not Phase.READY:  # it died while it loaded: sending tries again
            await send(session, "Hello?")
            await harness.ready()
        started = len(harness.told(TurnAdded)) + len(harness.told(TurnReplaced))
        assert len(harness.told(ReplyEnded)) == started
    phases = [Phase.LOADING, *(event.phase for event in harness.told(PhaseChanged))]
    assert phases[-1] is Phase.CLOSED
    assert all(after in TRANSITIONS[before] for before, after in pairwise(phases))


@settings(max_examples=examples(60))
@given(commands=COMMANDS)
async def test_whatever_happens_the_session_comes_back_and_every_turn_ends(
    commands: list[str],
) -> None:
    with TemporaryDirectory() as folder:
        await live_through(commands, Path(folder))
