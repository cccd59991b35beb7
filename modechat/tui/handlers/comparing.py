"""The action that compares replies: it finds the question, and opens the screens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import without_escape
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.session.chat_session import ChatSession
    from modechat.session.variants import Question
    from modechat.tui.chat_context import ChatContext
    from modechat.tui.screens.compare_outcome import Outcome
    from modechat.tui.screens.compare_setup import Variants

_NOTHING = Incomplete(
    "Write a message first: it is asked in several ways, and you keep the best reply."
)


class ComparingActions:
    def __init__(self, context: ChatContext, show_hint: Callable[[], None]) -> None:
        """Call `show_hint` to show what the keys do now."""
        self._context = context
        self._prompt = context.prompt
        self._show_hint = show_hint

    async def compare(self, words: str = "") -> Incomplete | None:
        """Compare replies to `words`.

        Without words, use the selected message, the text at the prompt, or the last message.
        """
        session = self._context.session
        if session is None:
            return None
        if words:
            return await self._compare_text(words, session)
        await self._prompt.keys_are_handled()
        if reason := await self._begin(session):
            self._context.say(reason.reason)
        return None

    async def _begin(self, session: ChatSession) -> Incomplete | None:
        from modechat.commands.comparing import question_of

        selected, edited = self._context.transcript.selection.turn, self._context.composer.editing
        if selected is not None and edited is None:  # an edited message is at the prompt
            return self._set_up(session, question_of(selected.turn))
        if self._prompt.text.strip():
            return await self._ask_typed(session)
        if session.last_turn is None:
            return _NOTHING
        return self._set_up(session, question_of(session.last_turn))

    def compare_turn(self, turn: Turn) -> None:
        """Compare replies to the message of a turn."""
        from modechat.commands.comparing import question_of

        session = self._context.session
        if session is not None and (reason := self._set_up(session, question_of(turn))):
            self._context.say(reason.reason)

    async def _compare_text(self, text: str, session: ChatSession) -> Incomplete | None:
        """Compare replies to the words after the command.

        They are put at the prompt, and stay there until a reply is kept.
        """
        before = self._prompt.typed
        self._prompt.restore(text)
        reason = await self._ask_typed(session)
        if reason is not None:  # the whole command comes back
            self._prompt.fill(before)
        return reason

    async def _ask_typed(self, session: ChatSession) -> Incomplete | None:
        """Compare replies to the text at the prompt, with the files that it mentions."""
        from modechat.session.fitting import why_too_long
        from modechat.session.variants import Question

        composer = self._context.composer
        typed = self._prompt.typed
        text = await composer.attached()
        if isinstance(text, Incomplete):
            return text
        request = request_of(text, session)
        if request is None:
            return Incomplete("This asks the model nothing that could be compared.")
        if reason := await why_too_long(request, text, session):
            return reason
        return self._set_up(
            session, Question(request, without_escape(text).text, composer.editing), typed
        )

    def _set_up(
        self, session: ChatSession, question: Question, typed: Typed | None = None
    ) -> Incomplete | None:
        """Ask the user what to compare. `typed`: the text at the prompt, if it is the question."""
        from modechat.session.gate import BUSY
        from modechat.tui.screens.compare_setup import CompareSetup

        if session.is_busy:
            return BUSY
        if self._context.app.screen is not self._context.screen:
            return None  # an earlier call has opened the dialog

        def compare(variants: Variants | None) -> None:
            if variants is not None:
                self._show(session, question, variants, typed)

        self._context.app.push_screen(CompareSetup(session, question), compare)
        return None

    def _show(
        self, session: ChatSession, question: Question, variants: Variants, typed: Typed | None
    ) -> None:
        from modechat.tui.screens.compare import CompareScreen

        async def end(outcome: Outcome | None) -> None:
            self._show_hint()  # nothing runs any more
            if outcome is None:
                return
            self._context.say(outcome.words)
            if outcome.is_kept:
                self._context.transcript.selection.clear()
                if typed is not None:
                    await self._context.composer.was_asked(typed)

        self._context.app.push_screen(CompareScreen(session, question, variants), end)
