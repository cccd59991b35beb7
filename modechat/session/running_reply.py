"""The reply that is being written: the text so far, and its saving.

It keeps the promise that a reply loses at most its last half second, whichever process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from modechat.domain.continuing import ended, grown, joined
from modechat.domain.conversation import Reply, ReplyState, StopReason, Turn
from modechat.engine.protocol import Finished, ModelInfo

SECONDS_BETWEEN_SAVES = 0.4


class RunningReply:
    """A growing reply that saves itself with `save`. Create it inside a running event loop."""

    def __init__(
        self,
        turn: Turn,
        history: tuple[Turn, ...],
        save: Callable[[Turn], Awaitable[None]],
        earlier: Reply | None = None,
    ) -> None:
        """`history` are the turns before `turn`.

        `earlier` is the turn's reply if the model is to continue one.
        """
        self.turn = turn
        self.history = history
        self.earlier = earlier
        self._echo = len(earlier.text) if earlier is not None else 0  # the engine repeats this text
        self.ended = asyncio.Event()
        self.is_ending = False
        self._save = save
        self._unsaved = False
        self._autosave = asyncio.create_task(
            self._save_regularly(), name=f"autosave of turn {turn.id}"
        )

    @property
    def is_unchanged(self) -> bool:
        """True if it continues an earlier reply, and no text was added yet."""
        return self.earlier is not None and self.turn.reply.text == self.earlier.text

    def grow(self, text: str, *, is_thinking: bool = False) -> str:
        """Add text from the engine, and return the new part of it."""
        if not is_thinking:
            known = min(self._echo, len(text))
            self._echo -= known
            text = text[known:]
        if not text:
            return ""
        self.turn = self.turn.with_reply(grown(self.turn.reply, text, is_thinking=is_thinking))
        self._unsaved = True
        return text

    async def end(self, result: Reply) -> Turn:
        """Give the reply the final state of `result`, with the text so far.

        Returns the saved turn.
        """
        self.is_ending = True
        self._autosave.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._autosave
        if (
            self.earlier is not None
            and self.is_unchanged
            and result.state is not ReplyState.COMPLETE
        ):
            final = self.earlier  # unchanged
        else:
            final = ended(self.turn.reply, result)
            if self.earlier is not None:
                final = joined(self.earlier, final)
        self.turn = self.turn.with_reply(final)
        await self._save(self.turn)
        self.ended.set()
        return self.turn

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SAVES)
            if self._unsaved:
                self._unsaved = False
                await self._save(self.turn)


def final_reply(finished: Finished, model: ModelInfo | None) -> Reply:
    """Return the final state of a reply that the engine finished, without its text."""
    stopped = finished.stop_reason is StopReason.STOPPED
    return Reply(
        state=ReplyState.STOPPED if stopped else ReplyState.COMPLETE,
        stop_reason=finished.stop_reason,
        model=model.name if model is not None else "",
        stats=finished.stats,
    )
