"""The interface that the outbox requires of a front end."""

from __future__ import annotations

from typing import Protocol

from modechat.commands.unsent import Message
from modechat.domain.typed import Typed
from modechat.errors import ModechatError


class FrontEnd(Protocol):
    """The screen, or the plain front end."""

    def say(self, text: str) -> None:
        """Answer the user's request."""

    async def show_error(self, error: ModechatError) -> None:
        """Show an error in a place where it stays."""

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        """Show the messages that wait for the end of a reply."""

    def give_back(self, message: Message) -> None:
        """Put an unsent message where the user types."""

    def forget_input(self, typed: Typed) -> None:
        """Remove the text that was sent last from the texts that can be recalled."""

    def at_prompt(self) -> Typed:
        """Return the typed text that is not submitted yet."""

    def show_draft(self, draft: Typed) -> None:
        """Show the draft of an opened conversation, before the text that was typed since."""

    def leave_prompt(self, *, by_command: bool) -> Typed:
        """Remove the text of the conversation that is left from the prompt, and return it.

        `by_command`: a typed command opened the other conversation.
        """
