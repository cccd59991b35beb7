"""What can be done with a message: a list of actions, each with a letter that does it at once."""

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
"""The id of an action, and the number of the code block where it is about one (else 0)."""

COPY_CODE = "copy_code"
SAVE_CODE = "save_code"
_MOST_NUMBERS = 9
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
    """Returns what to do with the message, or None."""

    HEADING: ClassVar[str] = "Message"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("The letter before an action", "Do it"),
        ("Up, Down, Enter", "Choose from the list"),
    )

    def __init__(
        self, turn: Turn, code: Sequence[str], is_request: bool, variants: Sequence[int]
    ) -> None:
        """`code` says what the code blocks of the reply are. `variants`: the turns for the same message, as ids."""
        super().__init__()
        self._entries = _entries(turn, code, is_request, variants)
        self._list: RowList[_Entry] = RowList(
            (
                Column(
                    "", lambda entry: Content.styled(entry.letter, "bold $text-primary"), width=2
                ),
                Column("", lambda entry: Content(entry.label)),
            ),
            has_header=False,
        )
        self.show_heading(f"{'Message' if is_request else 'Reply'} · {turn.mode}")

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._list

    def on_mount(self) -> None:
        self._list.show(self._entries, 0)
        self._list.focus()
        self.show_hints("the letter does it", "Enter chooses", "Esc closes")

    def on_key(self, event: events.Key) -> None:
        entry = next(
            (entry for entry in self._entries if entry.letter and entry.letter == event.character),
            None,
        )
        if entry is not None:
            event.stop()
            self.dismiss(entry.chosen)

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        if (entry := self._list.row) is not None:
            self.dismiss(entry.chosen)


def _entries(
    turn: Turn, code: Sequence[str], is_request: bool, variants: Sequence[int]
) -> list[_Entry]:
    """What can be done, the likeliest first."""
    blocks = (
        [] if is_request else [(number, sanitize_line(what)) for number, what in enumerate(code, 1)]
    )
    at = variants.index(turn.id) + 1 if turn.id in variants else 1
    is_chat = turn.mode is Mode.CHAT
    labels = {
        "copy_message": "Copy as it was written" if is_request else "Copy the source of the reply",
        "quote_message": "Quote at the prompt",
        "edit_message": "Edit the message and send it again",
        "regenerate": "Ask for another reply",
        "compare": "Compare replies in several ways",
        "run_in_other_mode": f"Run as {turn.mode.other}",
        "toggle_pin": "Unpin" if turn.pinned else "Pin: it stays when the context is full",
        "toggle_in_chat": "Take it out of the chat" if turn.in_chat else "Add to the chat",
        "earlier_variant": f"Variant {at - 1} of {len(variants)}",
        "later_variant": f"Variant {at + 1} of {len(variants)}",
        "delete_message": "Delete with its reply" if is_request else "Delete with its message",
    }
    left_out = {"toggle_in_chat" if is_chat else "toggle_pin"}
    if at == 1:
        left_out.add("earlier_variant")
    if at == len(variants) or len(variants) < 2:
        left_out.add("later_variant")
    entries = [
        _Entry(_LETTERS[action_id], label, (action_id, 0))
        for action_id, label in labels.items()
        if action_id not in left_out
    ]
    copies = [
        _Entry(
            str(number) if number <= _MOST_NUMBERS else "",
            f"Copy code block {number}: {what}",
            (COPY_CODE, number),
        )
        for number, what in blocks
    ]
    saves = [
        _Entry(
            "s" if len(blocks) == 1 else "",
            f"Save code block {number}: {what}",
            (SAVE_CODE, number),
        )
        for number, what in blocks
    ]
    return [entries[0], *copies, *saves, *entries[1:]]
