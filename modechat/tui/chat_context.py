"""Holds what the actions of the chat screen need: prompt, transcript, composer, session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING

from textual.app import App
from textual.screen import Screen
from textual.worker import NoActiveWorker, get_current_worker

from modechat.commands.dispatch import Work
from modechat.commands.keymap import Keymap
from modechat.domain.modes import Incomplete
from modechat.errors import ModechatError
from modechat.tui.composer import Composer
from modechat.tui.newest_work import run_newest
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_DIALOGUE = "dialogue"
_SECONDS_TO_HOLD_KEYS = 0.5


class ChatContext:
    """The parts of the chat screen, and the dialogues with the user.

    `say` shows a text for a moment.
    """

    def __init__(
        self,
        screen: Screen[None],
        prompt: Prompt,
        transcript: Transcript,
        composer: Composer,
        keymap: Keymap,
        say: Callable[[str], None],
    ) -> None:
        self.screen = screen
        self.prompt = prompt
        self.transcript = transcript
        self.composer = composer
        self.keymap = keymap
        self.say = say
        self.session: ChatSession | None = None
        """None until the store is open."""
        self._n_dialogues = 0

    @property
    def app(self) -> App[object]:
        return self.screen.app

    async def do(self, work: Work) -> None:
        """Make the session do `work` after everything that earlier keys asked for."""
        await self.prompt.keys_are_handled()
        self.composer.outbox.put(work)

    def begin_dialogue(self, dialogue: Callable[[ChatSession], Awaitable[None]]) -> None:
        """Ask the user something on another screen, unless another dialogue goes on.

        A dialogue may begin further ones itself.
        """
        if self.session is not None and (not self.is_in_dialogue or _is_dialogue()):
            self._n_dialogues += 1
            self.screen.run_worker(self._hold(dialogue, self.session), group=_DIALOGUE)

    @property
    def is_in_dialogue(self) -> bool:
        """True while the user is asked something, or while the answer is not acted on yet."""
        return self._n_dialogues > 0

    async def _hold(
        self, dialogue: Callable[[ChatSession], Awaitable[None]], session: ChatSession
    ) -> None:
        try:
            await dialogue(session)
        except ModechatError as error:
            await self.composer.show_error(error)
        finally:
            self._n_dialogues -= 1

    async def act(self, handler: Callable[..., object], *, may_hang: bool = False) -> None:
        """Do an action, and say why if it did nothing.

        `may_hang`: later keys wait for it, but only for a moment.
        """
        done = asyncio.Event()
        if not may_hang:
            await self._act(handler, done)
            return
        run_newest(self.screen, self._act, handler, done)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _SECONDS_TO_HOLD_KEYS)

    async def _act(self, handler: Callable[..., object], done: asyncio.Event) -> None:
        try:
            result = handler()
            if isawaitable(result):
                result = await result
            if isinstance(result, Incomplete):
                self.say(result.reason)
        finally:
            done.set()


def _is_dialogue() -> bool:
    """Return True if the caller runs in a dialogue."""
    try:
        return get_current_worker().group == _DIALOGUE
    except NoActiveWorker:
        return False
