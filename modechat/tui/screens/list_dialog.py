"""A dialog with a list that typing filters. The keys that move go to the list, letters to the filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from modechat.domain.text import sanitize
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.row_list import Column, RowList

T = TypeVar("T")
R = TypeVar("R")


class ListDialog(Dialog[T], Generic[T, R]):
    """`R` is what a row shows. Subclasses say which rows a filter leaves, and what choosing one means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "list('move', -1)", show=False),
        Binding("down", "list('move', 1)", show=False),
        Binding("pageup", "list('page', -1)", show=False),
        Binding("pagedown", "list('page', 1)", show=False),
        Binding("ctrl+home", "list('first')", show=False),
        Binding("ctrl+end", "list('last')", show=False),
    ]

    def __init__(
        self,
        columns: Sequence[Column[R]],
        placeholder: str = "Type to filter",
        *,
        has_header: bool = True,
    ) -> None:
        super().__init__()
        self.filter = Input(
            placeholder=placeholder,
            compact=True,
            select_on_focus=False,
            id="filter",
            classes="filter",
        )
        self.list: RowList[R] = RowList(columns, has_header=has_header)
        self.said = Static(classes="said")
        self.said.display = False
        self._awaits_rows: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self.filter
            yield from self.compose_body()
            yield self.said

    def compose_body(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        self.filter.focus()

    def say(self, text: str, *, is_trouble: bool = False) -> None:
        """Show a line below the list."""
        self.said.display = bool(text)
        self.said.update(Content(sanitize(text)))
        self.said.set_class(is_trouble, "-trouble")

    # For subclasses

    def filtered(self, text: str) -> None:
        """The filter is now `text`."""
        raise NotImplementedError

    def chosen(self, row: R) -> None:
        raise NotImplementedError

    def is_listed(self) -> bool:
        """Whether the rows are those that the filter asks for. Looking for them may take longer than typing it."""
        return True

    def when_listed(self, act: Callable[[], None]) -> None:
        """Do something to the highlighted row: now, or when the rows are there that the filter asks for."""
        if self.is_listed():
            act()
        else:
            self._awaits_rows = act

    def rows_changed(self) -> None:
        """Subclasses whose rows come late say so each time."""
        if self._awaits_rows is not None and self.is_listed():
            act, self._awaits_rows = self._awaits_rows, None
            act()

    def is_awaiting(self) -> bool:
        return self._awaits_rows is not None

    def highlighted(self, row: R | None) -> None:
        """Another row is highlighted."""

    # What keys and mouse do

    def action_list(self, what: str, by: int | None = None) -> None:
        act = getattr(self.list, f"action_{what}")
        self.when_listed(lambda: act(by) if by is not None else act())

    def on_key(self, event: events.Key) -> None:
        """Letters that are typed on the list belong to the filter."""
        if (
            self.focused is not self.filter
            and event.is_printable
            and event.character
            and self._types_into_filter()
        ):
            event.stop()
            self.filter.focus()
            self.filter.insert_text_at_cursor(event.character)

    def _types_into_filter(self) -> bool:
        focused: Widget | None = self.focused
        return focused is None or focused is self.list

    @on(Input.Changed, "#filter")
    def _filter_changed(self, message: Input.Changed) -> None:
        self._awaits_rows = None
        self.filtered(message.value)

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self) -> None:
        self.when_listed(self.list.action_choose)

    @on(RowList.Chosen)
    def _row_chosen(self) -> None:
        if (row := self.list.row) is not None:
            self.chosen(row)

    @on(RowList.Highlighted)
    def _row_highlighted(self) -> None:
        self.highlighted(self.list.row)


def matches(words: str, *texts: str) -> bool:
    """Whether every one of `words` stands somewhere in `texts`; case does not matter."""
    said = "\n".join(texts).casefold()
    return all(word in said for word in words.casefold().split())
