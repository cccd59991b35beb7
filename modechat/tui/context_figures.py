"""Shows in the status line how full the context is, and will be with the text at the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import unknown_command
from modechat.domain.context import Forecast, forecast, tokens_in_use
from modechat.domain.modes import ChatMessage
from modechat.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.chat_context import ChatContext


class ContextFigures:
    def __init__(self, context: ChatContext, status: StatusLine) -> None:
        self._context = context
        self._status = status

    def show(self) -> None:
        """Show the current figures."""
        session = self._context.session
        if session is None:
            return
        conversation, system = session.conversation, session.settings.chat_system
        used = tokens_in_use(conversation, self._status.status.mode, system)
        self._status.update_status(forecast=self._forecast(session), used=used)

    def _forecast(self, session: ChatSession) -> Forecast | None:
        """Return how full the text at the prompt will make the context.

        Return None if the text is not a message of the chat.
        """
        model, typed = session.model, self._context.prompt.typed
        if model is None or not model.sees_history or unknown_command(typed):
            return None
        request = request_of(typed, session)
        if not isinstance(request, ChatMessage):
            return None
        system = session.settings.chat_system
        attached = self._context.composer.attached_size
        return forecast(session.conversation, request.text, model.n_ctx, attached, system)
