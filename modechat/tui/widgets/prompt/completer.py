"""The list above the prompt while a command or a file is typed, and the keys that choose from it.

A key acts at once on the list as it is shown; folders are read in daemon threads. The modules that
complete are imported at first use, after the first frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from modechat.domain.text import sanitize_line

if TYPE_CHECKING:
    from modechat.session.attachments import FileEntry
    from modechat.tui.widgets.prompt.completion import Candidate, Kind, Names, Word

_FRESH_SECONDS = 3.0
_WIDEST = 32


class CompletionList(OptionList, can_focus=False):
    """The list of completions. The prompt keeps the focus."""

    def __init__(self, choose: Callable[[int], None]) -> None:
        super().__init__(id="completion", compact=True)
        self._choose = choose
        self.display = False

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Choose the completion that was clicked."""
        message.stop()
        self._choose(message.option_index)

    def show(self, candidates: Sequence[Candidate]) -> None:
        widest = max((cell_len(candidate.shown) for candidate in candidates), default=0)
        width = min(widest, _WIDEST)
        self.set_options([Option(_row(candidate, width)) for candidate in candidates])
        self.highlighted = 0
        self.display = True


class Completer:
    """Completes the word before the cursor.

    `look` returns that word, or None; `put` replaces the word that begins in that column by a text;
    `send` sends the message.
    """

    def __init__(
        self,
        look: Callable[[], Word | None],
        put: Callable[[int, str], None],
        send: Callable[[], None],
    ) -> None:
        self.list = CompletionList(self._choose)
        self.names: Names = _no_names
        self.folder = Path()
        self.refuse: Callable[[str], object] = str
        """Called with the reason why a candidate cannot be chosen."""
        self._look = look
        self._put = put
        self._send = send
        self._word: Word | None = None
        self._candidates: list[Candidate] = []
        self._closed_at: tuple[Kind, int] | None = None
        self._folders: dict[Path, tuple[float, tuple[FileEntry, ...]]] = {}
        self._reading: set[Path] = set()

    @property
    def is_open(self) -> bool:
        return bool(self._candidates)

    def update(self) -> None:
        """Find candidates again after the text or the cursor has changed."""
        word = self._look()
        if word is None or (word.kind, word.start) != self._closed_at:
            self._closed_at = None
        if word == self._word and self._candidates:
            return
        self._word = word
        found = self._find(word) if word is not None and self._closed_at is None else []
        if found != self._candidates:
            self._candidates = found
            self._show()

    def close(self) -> bool:
        """Close the list until another word is typed. Return True if it was open."""
        if not self._candidates or self._word is None:
            return False
        self._closed_at = self._word.kind, self._word.start
        self._candidates = []
        self._show()
        return True

    def handle_key(self, key: str) -> bool:
        """Apply the key to the list, if it is open. Return True if it had an effect."""
        if not self._candidates:
            return False
        match key:
            case "up":
                self.list.action_cursor_up()
            case "down":
                self.list.action_cursor_down()
            case "tab":
                self._choose(self.list.highlighted or 0)
            case "enter":
                return self._enter()
            case _:
                return False
        return True

    def _enter(self) -> bool:
        from modechat.tui.widgets.prompt.completion import Kind

        index = self.list.highlighted or 0
        candidate = self._candidates[index]
        word = self._word
        if word is None or candidate.text.rstrip() == self._typed_so_far(word):
            return False  # the word is complete: Enter sends
        if index == 0 and not word.text and word.kind in (Kind.NAME, Kind.MODEL_FILE):
            return False  # the command alone means something as well
        self._choose(index)
        if candidate.is_whole:
            self._send()
        return True

    def _choose(self, index: int) -> None:
        if self._word is None or index >= len(self._candidates):
            return
        candidate, word = self._candidates[index], self._word
        if candidate.refused:
            self.refuse(f"{candidate.shown} cannot be attached: {candidate.refused}.")
            return
        self._word, self._candidates = None, []
        self._show()
        self._put(word.start, candidate.text)  # this calls `update`
        if not candidate.goes_on:
            self.close()

    @staticmethod
    def _typed_so_far(word: Word) -> str:
        from modechat.tui.widgets.prompt.completion import Kind

        return f"@{word.text}" if word.kind is Kind.FILE else word.text

    def _show(self) -> None:
        if self._candidates:
            self.list.show(self._candidates)
        else:
            self.list.display = False

    def _find(self, word: Word) -> list[Candidate]:
        from modechat.tui.widgets.prompt import completion
        from modechat.tui.widgets.prompt.completion import Kind

        match word.kind:
            case Kind.COMMAND:
                return completion.commands(word)
            case Kind.NAME:
                return completion.names(word, self.names(word.command))
            case Kind.FILE | Kind.MODEL_FILE:
                return completion.files(word, self._entries(word))

    def _entries(self, word: Word) -> tuple[FileEntry, ...]:
        """Return the known entries of the folder.

        If they are old or unknown, read them and show them later.
        """
        from modechat.session.attachments import path_of
        from modechat.tui.widgets.prompt import completion

        folder = path_of(completion.split_path(word.text)[0], self.folder)
        if folder is None:
            return ()
        read_at, entries = self._folders.get(folder, (-_FRESH_SECONDS, ()))
        if time.monotonic() - read_at > _FRESH_SECONDS and folder not in self._reading:
            self._reading.add(folder)
            self.list.run_worker(self._read(folder), name="folder")
        return entries

    async def _read(self, folder: Path) -> None:
        from modechat.daemon_thread import run_in_daemon_thread
        from modechat.session.attachments import list_folder
        from modechat.tui.widgets.prompt.completion import Kind

        entries = await run_in_daemon_thread(list_folder, folder)
        self._folders = {folder: (time.monotonic(), entries)}
        self._reading.discard(folder)
        if self._word is not None and self._word.kind in (Kind.FILE, Kind.MODEL_FILE):
            self._word = None
            self.update()


def _no_names(_command: str) -> tuple[()]:
    return ()


def _row(candidate: Candidate, width: int) -> Content:
    space = " " * (max(0, width - cell_len(candidate.shown)) + 2)
    detail, style = candidate.detail, ""
    if candidate.refused:
        detail, style = f"{detail} · {candidate.refused}", "dim"
    return Content.assemble(
        (sanitize_line(candidate.shown), style), space, (sanitize_line(detail), "$text-muted")
    )
