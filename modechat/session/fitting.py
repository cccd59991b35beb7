"""Checks before sending whether a message fits into the context at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.context import forecast
from modechat.domain.modes import ChatMessage, Incomplete, Task
from modechat.domain.typed import Typed
from modechat.errors import EngineError
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_SURELY = 4
"""A message whose estimate is this many times larger or smaller than the context is not counted."""


async def why_too_long(
    request: ChatMessage | Task, text: Typed, session: ChatSession
) -> Incomplete | None:
    """Return the reason if `request` alone is longer than the context, so that it cannot be sent.

    None if it fits, or if that is not known yet. `text` is the typed text of the request.
    """
    model = session.model
    if model is None or session.phase is not Phase.READY:
        return None
    tokens = forecast(None, text.text, model.n_ctx).alone
    if tokens * _SURELY <= model.n_ctx:
        return None
    about = "about "
    if tokens < model.n_ctx * _SURELY:
        try:
            tokens, about = len((await session.prompts.alone(request)).tokens), ""
        except EngineError:
            return None  # sending will report the error
    if tokens < model.n_ctx:
        return None
    return Incomplete(
        f"This is too long: {about}{tokens:,} tokens, and the context holds {model.n_ctx:,}. "
        "Nothing was sent."
    )
