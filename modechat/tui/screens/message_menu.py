"""The menu of a message: a list of actions, each with a letter that does it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content

from modechat.domain.conversation import Turn
from modechat.domain.mode import Mode
from modechat.domain.text import sanitize_line
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.row_list import Column, RowList

Chosen: TypeAlias = tuple[str, int]
"""The id of an action, and the number of its code block (0: none)."""

COPY_CODE = "copy_code"
SAVE_CODE = "save_code"
_MESSAGE = ("Copy as it was written", "Delete with its reply")
_REPLY = ("Copy the source of the reply", "Delete with its message")
_PIN, _UNPIN = "Pin: it stays when the context is full", "Unpin"
_JOIN_CHAT, _LEAVE_CHAT = "Add to the chat", "Take it out of the chat"
_LETTERS = {
    "copy_message": "c",
    "quote_message": "q",
    "edit_message": "e",
    "regenerate": "r",
    "compare": "v",
    "run_in_other_mode": "m",
    "toggle_in_chat": "a",
    "toggle_pin": "p",
    "earlier_variant": "[",
    "later_variant": "]",
    "delete_message": "d",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    letter: str
    label: str
    chosen: Chosen


class MessageMenu(Dialog[Chosen]):
    """Returns the chosen action, or None."""

    HEADING: ClassVar[str] = "Message"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("The letter before an action", "Do it"),
        ("Up, Down, Enter", "Choose from the list"),
    )

    def __init__(
        self, turn: Turn, code: Sequence[str], is_request: bool, variants: Sequence[int]
    ) -> None:
        """Show the menu of the message of `turn` if `is_request`, else that of its reply.

        `code` describes the code blocks of the reply. `variants` are the ids of all turns with the
        same message.
        """
        super().__init__()
        self._entries = _entries(turn, variants, _MESSAGE if is_request else _REPLY)
        if not is_request:
            self._entries[1:1] = _code_entries(code)
        self._list: RowList[_Entry] = RowList(
            (Column("", _letter, width=2), Column("", _label)), has_header=False
        )
        kind = "Message" if is_request else "Reply"
        self.show_heading(f"{kind} · {turn.mode}")

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._list

    def on_mount(self) -> None:
        self._list.show(self._entries, 0)
        self._list.focus()
        self.show_hints("the letter does it", "Enter chooses", "Esc closes")

    def on_key(self, event: events.Key) -> None:
        for entry in self._entries:
            if entry.letter and entry.letter == event.character:
                event.stop()
                self.dismiss(entry.chosen)
                return

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        if (entry := self._list.row) is not None:
            self.dismiss(entry.chosen)


def _letter(entry: _Entry) -> Content:
    return Content.styled(entry.letter, "bold $text-primary")


def _label(entry: _Entry) -> Content:
    return Content(entry.label)


def _entries(turn: Turn, variants: Sequence[int], own_labels: tuple[str, str]) -> list[_Entry]:
    """Return the actions that fit the turn, the likeliest first.

    `own_labels` are the labels of copying and deleting, which differ for messages and replies.
    """
    copy, delete = own_labels
    labels = {
        "copy_message": copy,
        "quote_message": "Quote at the prompt",
        "edit_message": "Edit the message and send it again",
        "regenerate": "Ask for another reply",
        "compare": "Compare replies in several ways",
        "run_in_other_mode": f"Run as {turn.mode.other}",
    }
    if turn.mode is Mode.CHAT:
        labels["toggle_pin"] = _UNPIN if turn.pinned else _PIN
    else:
        labels["toggle_in_chat"] = _LEAVE_CHAT if turn.in_chat else _JOIN_CHAT
    count = len(variants)
    number = 1
    if turn.id in variants:
        number = variants.index(turn.id) + 1
    if number > 1:
        labels["earlier_variant"] = f"Variant {number - 1} of {count}"
    if number < count:
        labels["later_variant"] = f"Variant {number + 1} of {count}"
    labels["delete_message"] = delete
    return [_Entry(_LETTERS[action], label, (action, 0)) for action, label in labels.items()]


def _code_entries(code: Sequence[str]) -> list[_Entry]:
    """Return the entries that copy each code block, then those that save it."""
    copies: list[_Entry] = []
    saves: list[_Entry] = []
    save_letter = "s" if len(code) == 1 else ""
    for number, description in enumerate(code, 1):
        name = f"code block {number}: {sanitize_line(description)}"
        copy_letter = "123456789"[number - 1 : number]  # none from the tenth on
        copies.append(_Entry(copy_letter, f"Copy {name}", (COPY_CODE, number)))
        saves.append(_Entry(save_letter, f"Save {name}", (SAVE_CODE, number)))
    return [*copies, *saves]
