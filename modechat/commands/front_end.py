"""What the outbox asks of a front end."""

from __future__ import annotations

from typing import Protocol

from modechat.commands.unsent import Message
from modechat.domain.typed import Typed
from modechat.errors import ModechatError


class FrontEnd(Protocol):
    """The screen, or the plain front end."""

    def say(self, text: str) -> None:
        """Answer what the user did."""

    async def show_error(self, error: ModechatError) -> None:
        """Say what went wrong, where it stays."""

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        """Show what waits for the end of a reply."""

    def give_back(self, message: Message) -> None:
        """Put a message that was not sent where the user goes on typing."""

    def forget_input(self, typed: Typed) -> None:
        """Drop what was sent last from what can be called back."""

    def at_prompt(self) -> Typed:
        """Return what was typed and not submitted."""

    def show_draft(self, draft: Typed) -> None:
        """Show the draft of a conversation that was opened, before what was typed since."""

    def leave_prompt(self, *, by_command: bool) -> Typed:
        """Remove from the prompt what belongs to the conversation that is left, and return it.

        `by_command`: a typed command opened the other conversation.
        """
