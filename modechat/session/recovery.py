"""Recovers when the engine dies or cannot load the model.

The text that it had written is kept, and it starts again. If the same would happen again, the
engine stays down, and a smaller load is offered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from modechat.domain.conversation import Reply, ReplyState, Turn
from modechat.domain.key_names import REGENERATE
from modechat.engine.protocol import Cause, Failed
from modechat.session.events import SessionEvent, Trouble
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.replies import Replies
from modechat.session.smaller_load import SmallerLoad, seems_to_use_gpu, smaller_load

_MOST_DEATHS = 3
_WITHIN_SECONDS = 60.0


class Recovery:
    """Restarts the engine or gives it up. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        host: ModelHost,
        replies: Replies,
        tell: Callable[[SessionEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self._host = host
        self._replies = replies
        self._tell = tell
        self._clock = clock
        self._died_at: deque[float] = deque(maxlen=_MOST_DEATHS)
        self._died_answering: object = None
        self._offer: SmallerLoad | None = None

    async def died(self, failed: Failed) -> None:
        """React to the death of the engine."""
        if self._host.phase in (Phase.CLOSED, Phase.DOWN, Phase.UNLOADED):
            return
        if self._host.phase is Phase.LOADING:
            await self.loading_failed(failed)
        elif failed.cause in (Cause.BUILD, Cause.VERSION):
            await self._give_up(failed, failed.hint, ReplyState.INTERRUPTED, offers=False)
        elif again := self._dies_again(self._replies.turn):
            await self._give_up(
                failed, f"{again}, so it does not start again by itself.", ReplyState.INTERRUPTED
            )
        else:
            kept = ""
            if self._replies.is_busy:
                kept = f" What it had written is kept; {REGENERATE} asks again."
            await self._replies.end(Reply(state=ReplyState.INTERRUPTED, error=failed.title))
            hint = f"{failed.hint} It is starting again.{kept}".strip()
            self._tell(Trouble(failed.title, hint, failed.log_tail))
            await self.restart()

    async def loading_failed(self, failed: Failed) -> None:
        """React to a failed load, or to the engine's death during one."""
        if self._host.phase is Phase.CLOSED:
            return
        # A wrong or damaged file would fail again with less. A death may be due to a lack of
        # memory.
        may_fit = failed.cause is Cause.MEMORY or (failed.died and failed.cause is Cause.OTHER)
        await self._give_up(failed, failed.hint, ReplyState.FAILED, offers=may_fit)

    async def restart(self) -> None:
        """Start the engine and load the model."""
        await self.load(self._host.restart)

    async def load(self, loading: Callable[[], Awaitable[Failed | None]]) -> None:
        """Begin to load; a bad file ends that at once."""
        self._offer = None
        if failed := await loading():
            await self.loading_failed(failed)

    @property
    def has_offer(self) -> bool:
        """True if a smaller load was offered after the last failure."""
        return self._offer is not None

    def accept_offer(self) -> None:
        """Use the smaller load from now on, if one was offered."""
        if self._offer is not None:
            self._host.use_load(self._offer.load)
            self._offer = None

    async def _give_up(
        self, failed: Failed, hint: str, state: ReplyState, *, offers: bool = True
    ) -> None:
        """Leave the engine down until the user wants it again, and say why."""
        model = self._host.model
        self._host.go_down()
        hints = [hint]
        if offers:
            self._offer = smaller_load(
                self._host.load_request,
                self._host.wanted,
                self._host.header,
                uses_gpu=seems_to_use_gpu(model, failed.log_tail),
            )
            if self._offer is not None:
                hints.append(f"{REGENERATE} or /retry loads it with {self._offer.words}.")
        if self._host.adapters and failed.cause is Cause.ADAPTER:
            hints.append("/lora off loads the model without.")
        if self._host.previous_name:
            hints.append(f"/model goes back to {self._host.previous_name}.")
        elif offers and self._offer is None:
            hints.append("/model PATH loads a smaller one.")
        await self._replies.end(Reply(state=state, error=failed.title))
        self._tell(Trouble(failed.title, " ".join(filter(None, hints)), failed.log_tail))

    def _dies_again(self, turn: Turn | None) -> str:
        """Note a death, and return the reason why a new start would not help, or ""."""
        now = self._clock()
        self._died_at.append(now)
        answering = (turn.parent_id, turn.request) if turn is not None else None
        same = answering is not None and answering == self._died_answering
        self._died_answering = answering
        if same:
            return "It died over this message before"
        if len(self._died_at) == _MOST_DEATHS and now - self._died_at[0] <= _WITHIN_SECONDS:
            return f"It died {_MOST_DEATHS} times within a minute"
        return ""
