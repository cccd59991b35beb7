"""The list of conversations: searched by title and by what was said, with a look into the one that is highlighted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from modechat.domain.listing import ConversationSummary, Found, TurnExcerpt
from modechat.domain.mode import Mode
from modechat.domain.text import in_one_line, sanitize, sanitize_line
from modechat.errors import StoreError
from modechat.tui.mode_label import GLYPHS
from modechat.tui.screens.list_dialog import ListDialog, matches
from modechat.tui.widgets.line_view import LineView
from modechat.tui.widgets.row_list import Column

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Row:
    summary: ConversationSummary
    found: Found | None = None
    """Where the words were said, if they were searched for."""


class ConversationsScreen(ListDialog[Row, Row]):
    """Returns the conversation to open and where its words were said, or None. Deleting and renaming happen here."""

    HEADING = "Conversations"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Search titles and everything that was said; words may be unfinished"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Open the conversation, where the words were said that were searched for"),
        ("F2", "Give it another title"),
        ("Delete, Ctrl+D", "Delete it for good; asks for the key twice"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "close", show=False, priority=True),
        Binding("delete,ctrl+d", "delete", show=False, priority=True),
        Binding("f2,ctrl+e", "rename", show=False, priority=True),
    ]

    def __init__(self, session: ChatSession, now: Callable[[], datetime]) -> None:
        super().__init__(self._columns(), "Type to search")
        self._session = session
        self._now = now
        self._summaries: tuple[ConversationSummary, ...] = ()
        self._armed: int | None = None
        self._is_loaded = False
        self._is_unreadable = False
        self._listed: str | None = None
        """What the filter said when the rows were looked for that are shown."""
        self._title = Input(compact=True, max_length=_LONGEST_TITLE, classes="filter")
        self._preview = LineView(follows=True)
        self._preview.can_focus = False
        self._preview.add_class("preview")
        self._renamed: int | None = None

    def compose_body(self) -> ComposeResult:
        yield self._title
        with Container(classes="beside"):
            yield self.list
            yield self._preview

    def on_mount(self) -> None:
        super().on_mount()
        self._title.display = False
        self._show_usual_hints()
        self.say("Reading …")
        self.run_worker(self._read(), group="read", exclusive=True)

    def _show_usual_hints(self) -> None:
        self.show_hints(
            "Enter opens", "Del deletes", "F2 renames", "Esc closes", "type to search", "F1 help"
        )

    # What is listed

    async def _read(self) -> None:
        try:
            self._summaries = await self._session.library.summaries()
        except StoreError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
            self._is_unreadable = True
            self.rows_changed()
            return
        self._is_loaded = True
        await self._search(self.filter.value)

    def filtered(self, text: str) -> None:
        self.run_worker(partial(self._search, text), group="search", exclusive=True)  # type: ignore[arg-type]

    async def _search(self, text: str) -> None:
        """First by titles, at once; then also by what was said."""
        if not self._is_loaded:
            return
        words = text.strip()
        if not words:
            self._show_rows(text, (Row(summary) for summary in self._summaries))
            return
        by_title = {summary.id for summary in self._summaries if matches(words, summary.title)}
        try:
            said = {
                found.conversation_id: found for found in await self._session.library.search(words)
            }
        except StoreError as error:
            said = {}
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
        self._show_rows(
            text,
            (
                Row(summary, said.get(summary.id))
                for summary in self._summaries
                if summary.id in by_title or summary.id in said
            ),
        )

    def is_listed(self) -> bool:
        return self._is_unreadable or self._listed == self.filter.value

    def _show_rows(self, text: str, rows: Iterable[Row]) -> None:
        before = self.list.row.summary.id if self.list.row is not None else self._open_id
        shown = list(rows)
        at = next((index for index, row in enumerate(shown) if row.summary.id == before), 0)
        self.list.show(shown, at)
        count = f"{len(shown):,} conversation{'' if len(shown) == 1 else 's'}"
        if not self._summaries:
            self.say("There are none yet.")
        elif not shown:
            self.say(f"None of {len(self._summaries):,} has these words.")
        else:
            self.say(
                count
                if len(shown) == len(self._summaries)
                else f"{count} of {len(self._summaries):,}"
            )
        self._listed = text
        self.rows_changed()

    @property
    def _open_id(self) -> int | None:
        conversation = self._session.conversation
        return conversation.id if conversation is not None else None

    def _columns(self) -> tuple[Column[Row], ...]:
        def mark(row: Row) -> Content:
            return Content.styled("●" if row.summary.id == self._open_id else " ", "$text-success")

        def title(row: Row) -> Content:
            return Content(shown_title(row.summary.title))

        def when(row: Row) -> Content:
            return Content.styled(ago(row.summary.updated_at, self._now()), "dim")

        return (
            Column("", mark, width=1),
            Column("", lambda row: _modes(row.summary), width=2),
            Column("Title", title),
            Column(
                "No.",
                lambda row: Content.styled(f"{row.summary.id}", "dim"),
                width=5,
                at_right=True,
                needs=66,
            ),
            Column(
                "Turns",
                lambda row: Content(f"{row.summary.turn_count:,}"),
                width=5,
                at_right=True,
                needs=48,
            ),
            Column("Last", when, width=10, at_right=True, needs=36),
        )

    # The look into one

    def highlighted(self, row: Row | None) -> None:
        if row is None:
            self._show_text(Content(""))
            return
        if self._armed is not None and self._armed != row.summary.id:
            self._disarm()
        self.run_worker(partial(self._show_preview, row), group="preview", exclusive=True)  # type: ignore[arg-type]

    async def _show_preview(self, row: Row) -> None:
        turn_id = row.found.turn_id if row.found is not None else None
        try:
            turns = await self._session.library.preview(row.summary.id, turn_id)
        except StoreError as error:
            self._show_text(Content(sanitize(error.title)))
            return
        self._show_text(preview_of(row, turns, self.filter.value.split()))

    def _show_text(self, text: Content) -> None:
        self._preview.show(lambda width: text.wrap(width))
        self._preview.call_after_refresh(self._preview.scroll_end, animate=False)

    # What can be done

    def chosen(self, row: Row) -> None:
        self.dismiss(row)

    def action_delete(self) -> None:
        """Delete the highlighted conversation; asks for the key twice."""
        if self._renamed is not None:
            self._title.action_delete_right()
        else:
            self.when_listed(self._delete_highlighted)

    def _delete_highlighted(self) -> None:
        row = self.list.row
        if row is None:
            return
        if self._armed == row.summary.id:
            self._disarm()
            self.run_worker(self._delete(row.summary.id), group="change")
        else:
            self._armed = row.summary.id
            self.show_hints("Del again deletes it for good")
            self.say(
                f"Delete “{shown_title(row.summary.title)}”? Press the key again.", is_trouble=True
            )

    def _disarm(self) -> None:
        self._armed = None
        self.say("")
        self._show_usual_hints()

    async def _delete(self, conversation_id: int) -> None:
        try:
            await self._session.library.delete(conversation_id)
        except StoreError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
            return
        at = self.list.highlighted or 0
        self._summaries = tuple(
            summary for summary in self._summaries if summary.id != conversation_id
        )
        rows = [row for row in self.list.rows if row.summary.id != conversation_id]
        self.list.show(rows, at)
        self.say("Deleted.")

    def action_rename(self) -> None:
        if self._renamed is None:
            self.when_listed(self._rename_highlighted)

    def _rename_highlighted(self) -> None:
        row = self.list.row
        if row is None:
            return
        self._renamed = row.summary.id
        self._title.value = sanitize_line(row.summary.title)[:_LONGEST_TITLE]
        self._show_rename(is_on=True)

    def _show_rename(self, *, is_on: bool) -> None:
        self._title.display, self.filter.display = is_on, not is_on
        (self._title if is_on else self.filter).focus()
        if is_on:
            self.show_hints("Enter keeps the title", "Esc leaves it")
        else:
            self._renamed = None
            self._show_usual_hints()

    def action_close(self) -> None:
        if self._renamed is not None:
            self._show_rename(is_on=False)
        elif self._armed is not None:
            self._disarm()
        else:
            super().action_close()

    def action_list(self, what: str, by: int | None = None) -> None:
        if self._renamed is None:
            super().action_list(what, by)

    @on(Input.Submitted)
    async def _title_given(self, message: Input.Submitted) -> None:
        renamed, title = self._renamed, sanitize_line(message.value).strip()
        if message.input is not self._title or renamed is None:
            return
        self._show_rename(is_on=False)
        if not title:
            return
        try:
            await self._session.library.rename(renamed, title)
        except StoreError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
            return
        self._summaries = tuple(
            replace(summary, title=title) if summary.id == renamed else summary
            for summary in self._summaries
        )
        await self._search(self.filter.value)


def shown_title(title: str) -> str:
    return sanitize_line(title[: 4 * _LONGEST_TITLE])[:_LONGEST_TITLE] or "Without a title"


def preview_of(row: Row, turns: Iterable[TurnExcerpt], words: Iterable[str]) -> Content:
    """The title, when it was, and the turns, with the words that were searched for."""
    summary = row.summary
    count = f"{summary.turn_count:,} turn{'' if summary.turn_count == 1 else 's'}"
    when = summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
    parts: list[Content] = [
        Content.styled(shown_title(summary.title), "bold"),
        Content.styled(f"{when} · {count} · /open {summary.id}", "dim"),
    ]
    for turn in turns:
        colour = "$text-primary" if turn.mode is Mode.CHAT else "$text-accent"
        said, answered = sanitize(turn.said).strip(), sanitize(turn.answered).strip()
        parts += [Content(""), Content.assemble((f"{GLYPHS[turn.mode]} ", colour), (said, colour))]
        if answered:
            parts.append(Content(answered))
    shown = sanitize_line(" ".join(part.plain for part in parts))
    if (
        row.found is not None and row.found.excerpt not in shown
    ):  # it stands further on in a long text
        parts += [Content(""), Content.styled(f"… {row.found.excerpt} …", "italic")]
    content = Content("\n").join(parts)
    wanted = [re.escape(word) for word in words if word]
    if wanted:
        return content.highlight_regex(re.compile("|".join(wanted), re.IGNORECASE), style="reverse")
    return content


def _modes(summary: ConversationSummary) -> Content:
    """A glyph for each mode that the conversation has turns of."""
    chat = summary.turn_count > summary.instruct_count
    return Content.assemble(
        (GLYPHS[Mode.CHAT] if chat else " ", "$text-primary"),
        (GLYPHS[Mode.INSTRUCT] if summary.instruct_count else " ", "$text-accent"),
    )


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `3 h ago`; a date after a month."""
    seconds = (now - then).total_seconds()
    for limit, size, unit in ((3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d")):
        if seconds < size:
            return "just now" if unit == "min" else f"1 {unit} ago"
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return then.astimezone().strftime("%Y-%m-%d")
