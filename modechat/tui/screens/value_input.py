"""The field for editing a value of a table."""

from __future__ import annotations

from textual.widgets import Input


class ValueInput(Input):
    """A field that is visible only while a value is edited."""

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False, classes="filter value")
        self.display = False

    def edit(self, text: str, *, is_selected: bool = False) -> None:
        """Show the field with `text`. The cursor is at its end, or all of it is selected."""
        self.display = True
        self.value = text
        self.cursor_position = len(text)
        if is_selected:
            self.action_select_all()
        self.focus()
