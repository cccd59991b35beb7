"""Finds conversations that have the words of a search, in their titles or in their texts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from modechat.domain.counted import counted
from modechat.errors import StoreError
from modechat.tui.screens.conversation_rows import Row
from modechat.tui.screens.list_dialog import matches

if TYPE_CHECKING:
    from modechat.domain.listing import ConversationSummary
    from modechat.domain.modes import Incomplete
    from modechat.session.library import Library

Delete: TypeAlias = "Callable[[int], Awaitable[Incomplete | None]]"
"""Deletes a conversation after everything that was asked for before. Returns the reason if that is
refused; raises StoreError."""


class ConversationSearch:
    """Keeps the summaries of all conversations while the list is open."""

    def __init__(self, library: Library, delete: Delete) -> None:
        self._library = library
        self._delete = delete
        self._summaries: tuple[ConversationSummary, ...] = ()

    @property
    def count(self) -> int:
        """The number of all conversations."""
        return len(self._summaries)

    def describe(self, n_listed: int) -> str:
        """Return a text that says how many of the conversations are listed."""
        if not self._summaries:
            return "There are none yet."
        if not n_listed:
            return f"None of {self.count:,} has these words."
        listed = counted(n_listed, "conversation")
        if n_listed == self.count:
            return listed
        return f"{listed} of {self.count:,}"

    async def read(self) -> None:
        """Read the summaries of all conversations. Raise StoreError."""
        self._summaries = await self._library.summaries()

    async def rows(self, words: str) -> tuple[list[Row], StoreError | None]:
        """Return the conversations that have `words`, newest first.

        If the store cannot be searched, return those with the words in their titles, and the error.
        """
        if not words:
            return [Row(summary) for summary in self._summaries], None
        found = {}
        problem: StoreError | None = None
        try:
            for place in await self._library.search(words):
                found[place.conversation_id] = place
        except StoreError as error:
            problem = error
        rows: list[Row] = []
        for summary in self._summaries:
            if summary.id in found or matches(words, summary.title):
                rows.append(Row(summary, found.get(summary.id)))
        return rows, problem

    async def delete(self, conversation_id: int) -> Incomplete | None:
        """Delete a conversation. Return the reason if that is refused. Raise StoreError."""
        refusal = await self._delete(conversation_id)
        if refusal is None:
            self._summaries = tuple(one for one in self._summaries if one.id != conversation_id)
        return refusal

    async def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title. Raise StoreError."""
        await self._library.rename(conversation_id, title)
        summaries = list(self._summaries)
        for at, summary in enumerate(summaries):
            if summary.id == conversation_id:
                summaries[at] = replace(summary, title=title)
        self._summaries = tuple(summaries)
