"""A dialog with a list to choose from. Keys that move go to the list, letters to a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.row_list import Column, RowList

T = TypeVar("T")
R = TypeVar("R")


class ListDialog(Dialog[T], Generic[T, R]):
    """A dialog with rows of type `R`.

    Subclasses show the rows that pass the filter (`filtered`), and return a result for the chosen
    row (`chosen`).
    """

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
        self.said.display = False
        self._deferred: Callable[[], None] | None = None

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
        """Show a line below the list; an empty one takes no room."""
        self.said.display = bool(text)
        super().say(text, is_trouble=is_trouble)

    # For subclasses

    def filtered(self, text: str) -> None:
        """Show the rows that have the words of `text`. Called when the filter changes."""
        raise NotImplementedError

    def chosen(self, row: R) -> None:
        """Handle the choice of a row."""
        raise NotImplementedError

    def highlighted(self, row: R | None) -> None:
        """Handle a change of the highlighted row."""

    def is_listed(self) -> bool:
        """Return True if the list shows what the filter asks for. Finding it may take a while."""
        return True

    def when_listed(self, act: Callable[[], None]) -> None:
        """Call `act` as soon as the list shows what the filter asks for."""
        if self.is_listed():
            act()
        else:
            self._deferred = act

    def rows_changed(self) -> None:
        """Call what `when_listed` deferred.

        Subclasses that find their rows late call this after each change.
        """
        if self._deferred is not None and self.is_listed():
            act, self._deferred = self._deferred, None
            act()

    def is_awaiting(self) -> bool:
        return self._deferred is not None

    # Keys and mouse

    def action_list(self, what: str, by: int | None = None) -> None:
        act = getattr(self.list, f"action_{what}")
        self.when_listed(act if by is None else partial(act, by))

    def on_key(self, event: events.Key) -> None:
        """Pass letters that are typed on the list to the filter."""
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
        self._deferred = None
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
    """Return True if each of `words` is somewhere in `texts`, in any case."""
    searched = "\n".join(texts).casefold()
    return all(word in searched for word in words.casefold().split())


def index_of(value: object, values: Sequence[object]) -> int:
    """Return the index of `value` in `values`; 0 if it is not there."""
    return values.index(value) if value in values else 0


def current_mark(is_current: bool) -> Content:
    """Return the mark in front of the row in use, or a space."""
    return Content.styled("●" if is_current else " ", "$text-success")
