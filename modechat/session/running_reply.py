"""The reply that is being written: what has come, and what of it is on disk.

Keeps the promise that a reply loses at most its last half second, whatever is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from modechat.domain.continuing import joined, without_repetition
from modechat.domain.conversation import Reply, ReplyState, StopReason, Turn
from modechat.engine.protocol import Finished, ModelInfo

SECONDS_BETWEEN_SAVES = 0.4


class RunningReply:
    """Create it inside a running event loop. `save` writes the turn's reply to disk."""

    def __init__(
        self,
        turn: Turn,
        history: tuple[Turn, ...],
        save: Callable[[Turn], Awaitable[None]],
        earlier: Reply | None = None,
    ) -> None:
        """`history` is what came before `turn`.

        `earlier` is the reply that the model goes on with, if it does.
        """
        self.turn = turn
        self.history = history
        self.earlier = earlier
        self._echo = len(earlier.text) if earlier is not None else 0  # the engine says it again
        self.ended = asyncio.Event()
        self.is_ending = False
        self._save = save
        self._unsaved = False
        self._autosave = asyncio.create_task(
            self._save_regularly(), name=f"autosave of turn {turn.id}"
        )

    @property
    def is_unchanged(self) -> bool:
        """Whether it goes on with an earlier reply, and nothing has been added to it."""
        return self.earlier is not None and self.turn.reply.text == self.earlier.text

    def grow(self, text: str, *, is_thinking: bool = False) -> str:
        """Add what the engine says; what of it is new."""
        if not is_thinking:
            known = min(self._echo, len(text))
            self._echo -= known
            text = text[known:]
        if not text:
            return ""
        reply = replace(self.turn.reply, state=ReplyState.STREAMING)
        if is_thinking:
            reply = replace(reply, thinking=reply.thinking + text)
        else:
            reply = replace(reply, text=reply.text + text)
        self.turn = self.turn.with_reply(reply)
        self._unsaved = True
        return text

    async def end(self, result: Reply) -> Turn:
        """Give the reply its final state: that of `result`, with the text that has come.

        Returns the saved turn.
        """
        self.is_ending = True
        self._autosave.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._autosave
        come = self.turn.reply
        if (
            self.earlier is not None
            and self.is_unchanged
            and result.state is not ReplyState.COMPLETE
        ):
            final = self.earlier  # as it was
        else:
            final = without_repetition(
                replace(result, text=come.text.rstrip(), thinking=come.thinking.rstrip())
            )
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
    """The final state of a reply that the engine finished; its text is what has come."""
    stopped = finished.stop_reason is StopReason.STOPPED
    return Reply(
        state=ReplyState.STOPPED if stopped else ReplyState.COMPLETE,
        stop_reason=finished.stop_reason,
        model=model.name if model is not None else "",
        stats=finished.stats,
    )
