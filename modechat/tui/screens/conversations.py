"""The list of conversations, searched by title and by text, with a preview beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from modechat.domain.text import in_one_line, sanitize_line
from modechat.errors import StoreError
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.conversation_preview import Preview
from modechat.tui.screens.conversation_rows import (
    LONGEST_TITLE,
    Row,
    conversation_columns,
    shown_title,
)
from modechat.tui.screens.conversation_search import ConversationSearch, Delete
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.list_dialog import ListDialog, index_of

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_HINTS = ("Enter opens", "Del deletes", "F2 renames", "Esc closes", "type to search", HELP)


class ConversationsScreen(ListDialog[Row, Row]):
    """Returns the conversation to open, with the place of the searched words; or None.

    Conversations are deleted and renamed here.
    """

    HEADING = "Conversations"
    OPENED_BY = "conversations"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Search titles and everything that was said; words may be unfinished"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Open the conversation, at the searched words"),
        ("F2", "Give it another title"),
        ("Delete, Ctrl+D", "Delete it for good; press it twice"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,ctrl+d", "delete", show=False, priority=True),
        Binding("f2,ctrl+e", "rename", show=False, priority=True),
    ]

    def __init__(self, session: ChatSession, delete: Delete, now: Callable[[], datetime]) -> None:
        super().__init__(conversation_columns(self._open_id, now), "Type to search")
        self._session = session
        self._found = ConversationSearch(session.library, delete)
        self._is_loaded = False
        self._is_unreadable = False
        self._listed: str | None = None
        """The text of the filter that found the rows in the list."""
        self._to_delete: int | None = None
        """The id of the conversation that another press of the key deletes, while that is asked."""
        self._renamed: int | None = None
        self._title = Input(compact=True, max_length=LONGEST_TITLE, classes="filter")
        self._preview = Preview()

    def compose_body(self) -> ComposeResult:
        yield self._title
        with Container(classes="beside"):
            yield self.list
            yield self._preview

    def on_mount(self) -> None:
        self._title.display = False
        self._show_usual_hints()
        self.say("Reading …")
        run_newest(self, self._read)

    def _show_usual_hints(self) -> None:
        self.show_hints(*_HINTS)

    def say(self, text: str, *, is_trouble: bool = False) -> None:
        """Show a text in place of the question whether to delete, which does not count any more."""
        self._do_not_delete()
        super().say(text, is_trouble=is_trouble)

    def _show_error(self, error: StoreError) -> None:
        self.say(in_one_line(error.title, error.hint), is_trouble=True)

    def _open_id(self) -> int | None:
        return self._session.conversation_id

    # The list

    async def _read(self) -> None:
        try:
            await self._found.read()
        except StoreError as error:
            self._show_error(error)
            self._is_unreadable = True
            self.rows_changed()
            return
        self._is_loaded = True
        await self._search(self.filter.value)

    def filtered(self, text: str) -> None:
        self._do_not_delete()
        run_newest(self, self._search, text)

    async def _search(self, text: str) -> None:
        if not self._is_loaded:
            return
        rows, problem = await self._found.rows(text.strip())
        before = self._open_id()
        if self.list.row is not None:
            before = self.list.row.summary.id
        self.list.show(rows, index_of(before, [row.summary.id for row in rows]))
        if problem is not None:
            self._show_error(problem)
        else:
            self.say(self._found.describe(len(rows)))
        self._listed = text
        self.rows_changed()

    def is_listed(self) -> bool:
        return self._is_unreadable or self._listed == self.filter.value

    def chosen(self, row: Row) -> None:
        self.dismiss(row)

    def action_list(self, what: str, by: int | None = None) -> None:
        if self._renamed is None:
            super().action_list(what, by)

    # The preview

    def highlighted(self, row: Row | None) -> None:
        if row is None:
            self._preview.show_text(Content(""))
            return
        if self._to_delete != row.summary.id:
            self._do_not_delete()
        words = self.filter.value.split()
        run_newest(self, self._preview.load, self._session.library, row, words)

    # Deleting

    def action_delete(self) -> None:
        """Delete the highlighted conversation when the key is pressed twice."""
        if self._renamed is not None:
            self._title.action_delete_right()
        else:
            self.when_listed(self._delete_highlighted)

    def _delete_highlighted(self) -> None:
        row = self.list.row
        if row is None:
            return
        if self._to_delete == row.summary.id:
            self.say("Deleting …")
            self.run_worker(self._delete(row.summary.id), group="change")
        else:
            title = shown_title(row.summary.title)
            self.say(f"Delete “{title}”? Press the key again.", is_trouble=True)
            self.show_hints("Del again deletes it for good")
            self._to_delete = row.summary.id

    def _do_not_delete(self) -> None:
        """Forget the first press of the key, if there was one."""
        if self._to_delete is not None:
            self._to_delete = None
            self.say("")
            self._show_usual_hints()

    async def _delete(self, conversation_id: int) -> None:
        try:
            refusal = await self._found.delete(conversation_id)
        except StoreError as error:
            self._show_error(error)
            return
        if refusal is not None:
            self.say(refusal.reason, is_trouble=True)
            return
        rows = [row for row in self.list.rows if row.summary.id != conversation_id]
        self.list.show(rows, self.list.highlighted or 0)
        self.say("Deleted.")

    # Renaming

    def action_rename(self) -> None:
        if self._renamed is None:
            self.when_listed(self._rename_highlighted)

    def _rename_highlighted(self) -> None:
        row = self.list.row
        if row is None:
            return
        self._do_not_delete()
        self._renamed = row.summary.id
        self._title.value = sanitize_line(row.summary.title)[:LONGEST_TITLE]
        self._title.display, self.filter.display = True, False
        self._title.focus()
        self.show_hints("Enter keeps the title", "Esc leaves it")

    def _end_renaming(self) -> None:
        self._renamed = None
        self._title.display, self.filter.display = False, True
        self.filter.focus()
        self._show_usual_hints()

    @on(Input.Submitted)
    async def _title_given(self, message: Input.Submitted) -> None:
        renamed, title = self._renamed, sanitize_line(message.value).strip()
        if message.input is not self._title or renamed is None:
            return
        self._end_renaming()
        if not title:
            return
        try:
            await self._found.rename(renamed, title)
        except StoreError as error:
            self._show_error(error)
            return
        await self._search(self.filter.value)

    def action_close(self) -> None:
        if self._renamed is not None:
            self._end_renaming()
        elif self._to_delete is not None:
            self._do_not_delete()
        else:
            super().action_close()
