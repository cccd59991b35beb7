"""The action that compares replies: it finds the question, and opens the screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import without_escape
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, joined

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
            return await self._ask_typed(session, words)
        from modechat.commands.comparing import question_of

        await self._prompt.keys_are_handled()
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

    async def _ask_typed(self, session: ChatSession, words: str = "") -> Incomplete | None:
        """Compare replies to `words`, or to the text at the prompt, with the files in it."""
        from modechat.session.fitting import why_too_long
        from modechat.session.variants import Question

        reads, composer = session.reads, self._context.composer
        typed, edited = Typed(words), None
        if not words:
            typed, edited = self._prompt.typed, composer.editing
        text = await reads.attached(typed, composer.outbox.folder)
        if isinstance(text, Incomplete):
            return text
        request = request_of(text, session)
        if request is None:
            return Incomplete("This asks the model nothing that could be compared.")
        if reason := await reads.unless_stopped(why_too_long(request, text, session)):
            return reason
        question = Question(request, without_escape(text).text, edited)
        return self._set_up(session, question, typed, is_at_prompt=not words)

    def _set_up(
        self,
        session: ChatSession,
        question: Question,
        typed: Typed | None = None,
        *,
        is_at_prompt: bool = True,
    ) -> Incomplete | None:
        """Ask the user what to compare.

        `typed` is the text of the question if it was typed. It is at the prompt, or comes there,
        and stays until a reply is kept.
        """
        from modechat.session.gate import BUSY
        from modechat.tui.screens.compare_setup import CompareSetup

        if session.is_busy:
            return BUSY
        after = Typed()
        """The text at the prompt that is not asked."""
        if typed is not None and not is_at_prompt:
            after = self._prompt.typed
            self._prompt.restore(typed)
        if self._context.app.screen is not self._context.screen:
            return None  # an earlier call has opened the dialog

        def compare(variants: Variants | None) -> None:
            if variants is not None:
                self._show(session, question, variants, partial(self._kept, typed, after))

        self._context.app.push_screen(CompareSetup(session, question), compare)
        return None

    async def _kept(self, typed: Typed | None, after: Typed) -> None:
        self._context.transcript.selection.clear()
        if typed is None:
            return
        if self._prompt.typed == joined([typed, after]):
            self._prompt.fill(after)
        await self._context.composer.was_asked(typed)

    def _show(
        self,
        session: ChatSession,
        question: Question,
        variants: Variants,
        kept: Callable[[], Awaitable[None]],
    ) -> None:
        from modechat.tui.screens.compare import CompareScreen

        async def end(outcome: Outcome | None) -> None:
            self._show_hint()  # nothing runs any more
            if outcome is None:
                return
            self._context.say(outcome.words)
            if outcome.is_kept:
                await kept()

        self._context.app.push_screen(CompareScreen(session, question, variants), end)
