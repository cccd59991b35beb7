"""The commands that name a conversation by its number: `/open 3`, `/delete 3`.

Every method returns the reason if it did nothing, or else None. Other messages to the user go to
`say`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.domain.modes import Incomplete
from modechat.domain.titles import shown_title

if TYPE_CHECKING:
    from modechat.domain.listing import ConversationSummary
    from modechat.session.chat_session import ChatSession

_NO_NUMBER = Incomplete("A conversation is named by its number: /open 3. /delete takes one, too.")


class ConversationCommands:
    """The commands of one front end."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` shows a message to the user."""
        self._say = say
        self._asked_about: int | None = None
        """The number of the conversation that a repeated command deletes."""

    async def open(self, session: ChatSession, words: str) -> Incomplete | None:
        """Open a conversation. Raises StoreError if it is open elsewhere."""
        found = await _found(session, words)
        if isinstance(found, Incomplete):
            return found
        if session.conversation_id == found.id:
            return Incomplete(f"Conversation {found.id} is the one that is open.")
        return await session.library.open(found.id)

    async def delete(self, session: ChatSession, words: str) -> Incomplete | None:
        """Delete a conversation for good; the user must give the command twice.

        Raises StoreError if it is open elsewhere.
        """
        asked, self._asked_about = self._asked_about, None
        found = await _found(session, words)
        if isinstance(found, Incomplete):
            return found
        if asked != found.id:
            self._asked_about = found.id
            return Incomplete(
                f"/delete {found.id} once more deletes “{shown_title(found.title)}” for good."
            )
        if refusal := await session.library.delete(found.id):
            return refusal
        self._say(f"“{shown_title(found.title)}” is deleted.")
        return None

    async def delete_none(self, _session: ChatSession) -> Incomplete:
        """Explain, for `/delete` without a number, how to name a conversation."""
        return _NO_NUMBER


async def _found(session: ChatSession, words: str) -> ConversationSummary | Incomplete:
    if not (words.isascii() and words.isdigit()):
        return _NO_NUMBER
    for summary in await session.library.summaries():
        if summary.id == int(words):
            return summary
    return Incomplete(f"There is no conversation {words}. /open lists them.")
