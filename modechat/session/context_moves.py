"""Moves the beginning of the context on the disk and on the screen."""

from __future__ import annotations

from collections.abc import Callable

from modechat.domain.conversation import ContextCut
from modechat.errors import StoreError
from modechat.session.events import ContextMoved, SessionEvent, Trouble
from modechat.session.timeline import Timeline


async def move_context(
    timeline: Timeline, cut: ContextCut, tell: Callable[[SessionEvent], None]
) -> None:
    """Begin the context at `cut`, at least while the conversation is open, and tell of it."""
    try:
        await timeline.add_cut(cut)
    except StoreError as error:
        tell(Trouble.of(error))
    tell(ContextMoved(cut, timeline.n_left_out))
