"""The prompt of the plain front end, and its interface for the outbox.

The draft of a conversation is the beginning of the next message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.outbox import Outbox
from modechat.commands.slash import unknown_command
from modechat.domain.typed import Typed, joined
from modechat.errors import ModechatError
from modechat.plain.words import cut_between_words
from modechat.session.events import Trouble

if TYPE_CHECKING:
    from modechat.commands.unsent import Message
    from modechat.domain.modes import Incomplete
    from modechat.plain.failures import FailureWatch
    from modechat.plain.intake import Intake
    from modechat.plain.view import PlainView

_LONGEST_SHOWN = 400  # characters


class PlainPrompt:
    """The typed text that is not sent yet."""

    def __init__(
        self, view: PlainView, failures: FailureWatch, intake: Intake, *, is_interactive: bool
    ) -> None:
        """`is_interactive`: a user types, and the typed text is stored on disk."""
        self.outbox = Outbox(self, keeps_typed=is_interactive)
        self._view = view
        self._failures = failures
        self._intake = intake
        self._is_interactive = is_interactive
        self._sent: list[Typed] = []
        """The texts sent since the start, oldest first, if they are not stored on disk."""
        self._is_kept = True

    async def send(self, typed: Typed) -> Incomplete | None:
        """Send a typed text; return the reason if it cannot be sent. Raises StoreError."""
        self._is_kept = not self._is_interactive
        reason = await self.outbox.send(typed)
        if self._is_kept:
            self._sent.append(typed)
        return reason

    async def sent(self) -> tuple[Typed, ...]:
        """Return the texts sent before, newest first."""
        return *reversed(self._sent), *await self.outbox.sent()

    def begin_with(self, typed: Typed, name: str) -> None:
        """Begin the next message with a text, and show it under a name."""
        self._intake.begin_with(typed)
        text = cut_between_words(typed.text.strip(), _LONGEST_SHOWN)
        self._view.say(f"{name}: {text}")
        self._view.say("Enter sends it, with what you type before that. Ctrl+C drops it.")

    def doubt(self, text: str) -> str:
        """Return the reason why a text that looks like a command is not sent, or "" if it is sent.

        A user may type it twice to send it.
        """
        if self._is_interactive:
            doubt = self.outbox.doubt(text)
        else:
            doubt = unknown_command(text)
        if not doubt:
            return ""
        escaped = f"\\{text.strip().split()[0]} …"
        if self._is_interactive:
            return f"{doubt} The same once more sends it, and so does {escaped}"
        return f"{doubt} {escaped} sends it as text."

    # The methods that the outbox requires of a front end

    def say(self, text: str) -> None:
        self._view.say(text)

    async def show_error(self, error: ModechatError) -> None:
        self._view.show_trouble(Trouble.of(error))
        self._failures.note(error)

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        """Do nothing: the next message is read after the reply has ended, so none is queued."""

    def give_back(self, message: Message) -> None:
        """Do nothing: the message stands above, where the user typed it."""

    def forget_input(self, typed: Typed) -> None:  # noqa: ARG002
        self._is_kept = False

    def at_prompt(self) -> Typed:
        return joined(self._intake.unsent)

    def show_draft(self, draft: Typed) -> None:
        self.begin_with(draft, "Not sent yet")

    def leave_prompt(self, *, by_command: bool) -> Typed:  # noqa: ARG002
        return Typed()
