"""Where the user types, for the outbox: the draft of a conversation is the beginning of the next message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.outbox import Outbox
from modechat.domain.typed import Typed, joined
from modechat.errors import ModechatError
from modechat.plain.words import shortened
from modechat.session.events import Trouble

if TYPE_CHECKING:
    from modechat.commands.sending import Message
    from modechat.plain.failures import FailureWatch
    from modechat.plain.intake import Intake
    from modechat.plain.view import PlainView

_LONGEST_SHOWN = 400  # characters


class PlainPrompt:
    def __init__(
        self, view: PlainView, failures: FailureWatch, intake: Intake, *, somebody_types: bool
    ) -> None:
        self.outbox = Outbox(self, keeps_typed=somebody_types)
        self._view = view
        self._failures = failures
        self._intake = intake

    async def sent(self) -> tuple[Typed, ...]:
        """What was sent before, newest first."""
        return await self.outbox.sent()

    def begin_with(self, typed: Typed, what: str) -> None:
        """Begin the next message with a text, which is called `what`."""
        self._intake.begin_with(typed)
        text = shortened(typed.text.strip(), _LONGEST_SHOWN)
        self._view.say(f"{what}: {text}")
        self._view.say("Enter sends it, with what you type before that. Ctrl+C drops it.")

    # What the outbox asks

    def say(self, text: str) -> None:
        self._view.say(text)

    async def show_error(self, error: ModechatError) -> None:
        self._view.show_trouble(Trouble(error.title, error.hint))
        self._failures.note(error)

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        """Nothing is queued: the next message is taken when the reply has ended."""

    def give_back(self, message: Message) -> None:
        """What was refused stands above, where the user typed it."""

    def forget_input(self, typed: Typed) -> None:
        """Only what was sent is listed."""

    def at_prompt(self) -> Typed:
        return joined(self._intake.unsent)

    def show_draft(self, draft: Typed) -> None:
        self.begin_with(draft, "Not sent yet")

    def leave_prompt(self, *, by_command: bool) -> Typed:  # noqa: ARG002
        return Typed()
