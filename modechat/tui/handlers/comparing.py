"""The action that compares replies: what is asked, which screens lead there, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import without_escape
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.session.chat_session import ChatSession
    from modechat.session.variants import Question
    from modechat.tui.screens.chat import ChatScreen
    from modechat.tui.screens.compare import Outcome
    from modechat.tui.screens.compare_setup import Variants

_NOTHING = Incomplete(
    "Write a message first: it is asked in several ways, and you keep the best reply."
)


class ComparingActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def compare(self) -> None:
        """Compare replies to the selected message, else to the text at the prompt, else to the last message."""
        screen = self._screen
        await screen.prompt.keys_are_handled()
        if screen.session is not None and (reason := await self._begin(screen.session)):
            screen.flash_up(reason.reason)

    async def _begin(self, session: ChatSession) -> Incomplete | None:
        from modechat.commands.comparing import question_of

        selected, edited = self._screen.transcript.selection.turn, self._screen.composer.edited
        if selected is not None and edited is None:  # else its text is at the prompt
            return self._set_up(session, question_of(selected.turn))
        if self._screen.prompt.text.strip():
            return await self._ask_typed(session)
        last = session.conversation.last_turn if session.conversation is not None else None
        return _NOTHING if last is None else self._set_up(session, question_of(last))

    def compare_turn(self, turn: Turn) -> None:
        """Compare replies to the message of a turn."""
        from modechat.commands.comparing import question_of

        session = self._screen.session
        if session is not None and (reason := self._set_up(session, question_of(turn))):
            self._screen.flash_up(reason.reason)

    async def compare_text(self, text: str, session: ChatSession) -> Incomplete | None:
        """Compare replies to what was typed after the command: at the prompt, where it stays until one is kept."""
        before = self._screen.prompt.typed
        self._screen.prompt.restore(text)
        reason = await self._ask_typed(session)
        if reason is not None:  # the whole command comes back
            self._screen.prompt.fill(before)
        return reason

    async def _ask_typed(self, session: ChatSession) -> Incomplete | None:
        """Compare replies to the text at the prompt, with the files that it mentions."""
        from modechat.session.fitting import why_too_long
        from modechat.session.variants import Question

        composer = self._screen.composer
        typed = self._screen.prompt.typed
        text = await composer.expanded()
        if isinstance(text, Incomplete):
            return text
        if reason := await why_too_long(text, session):
            return reason
        request = request_of(text, session)
        if request is None:
            return Incomplete("This asks the model nothing that could be compared.")
        return self._set_up(
            session, Question(request, without_escape(text).text, composer.edited), typed
        )

    def _set_up(
        self, session: ChatSession, question: Question, typed: Typed | None = None
    ) -> Incomplete | None:
        """Ask what to compare. `typed` is at the prompt, if the question is."""
        from modechat.session.refusals import BUSY
        from modechat.tui.screens.compare_setup import CompareSetup

        if session.is_busy:
            return BUSY
        if self._screen.app.screen is not self._screen:
            return None  # it was asked for twice at once

        def compare(variants: Variants | None) -> None:
            if variants is not None:
                self._show(session, question, variants, typed)

        self._screen.app.push_screen(CompareSetup(session, question), compare)
        return None

    def _show(
        self, session: ChatSession, question: Question, variants: Variants, typed: Typed | None
    ) -> None:
        from modechat.tui.screens.compare import CompareScreen

        async def end(outcome: Outcome | None) -> None:
            self._screen.show_hint()  # nothing runs any more
            if outcome is None:
                return
            self._screen.flash_up(outcome.words)
            if outcome.is_kept:
                self._screen.transcript.selection.clear()
                if typed is not None:
                    await self._screen.composer.was_asked(typed)

        self._screen.app.push_screen(CompareScreen(session, question, variants), end)
