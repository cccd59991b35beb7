"""A list to choose one thing from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from modechat.domain.text import sanitize_line


@dataclass(frozen=True, slots=True)
class Choice:
    """A row: a name, what it is, and a line about it."""

    name: str
    title: str = ""
    detail: str = ""
    is_current: bool = False


class PickerScreen(ModalScreen[int | None]):
    """Returns the index of what was chosen, or None."""

    BINDINGS = [Binding("escape", "dismiss(None)", "Close", show=False)]

    def __init__(self, title: str, choices: Sequence[Choice], nothing: str = "There are none.") -> None:
        super().__init__()
        self._heading = title
        self._choices = choices
        self._nothing = nothing

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._heading)
            dialog.border_subtitle = Content("Enter chooses · Esc closes")
            if self._choices:
                yield OptionList(*(Option(_row(choice)) for choice in self._choices))
            else:
                yield Static(Content(self._nothing))

    def on_mount(self) -> None:
        current = next((index for index, choice in enumerate(self._choices) if choice.is_current), 0)
        if self._choices:
            self.query_one(OptionList).highlighted = current

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(message.option_index)


def _row(choice: Choice) -> Content:
    mark = (" · in use", "$text-success") if choice.is_current else ""
    title = (f"  {sanitize_line(choice.title)}", "dim") if choice.title else ""
    detail = ("\n" + sanitize_line(choice.detail), "dim") if choice.detail else ""
    return Content.assemble((sanitize_line(choice.name), "bold"), title, mark, detail)
