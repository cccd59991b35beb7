"""A user's home folder: nothing of it existed before, and all of it is in a temporary folder."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from modechat.domain.conversation import Conversation, Turn
from modechat.store import Store
from tests.e2e.terminal import Terminal

PROJECT = Path(__file__).parents[2]
MODECHAT = (sys.executable, "-m", "modechat")
DETERMINISTIC = "n_threads = 1\n[sampling]\ntemperature = 0\n"
_NOT_INHERITED = ("TEXTUAL", "XDG_", "NO_COLOR", "COLORTERM", "TMUX", "LC_", "LANG")


class Home:
    """A home folder, the programs that are started in it, and the conversations that they keep
    there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.data = folder / "data" / "modechat"
        """Where conversations are kept."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
        }
        self.env = inherited | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))
            ),
            "LANG": "C.UTF-8",
            "TEXTUAL_ANIMATIONS": "none",
        }

    def configure(self, text: str) -> Path:
        """Write the config file."""
        path = self.folder / "config" / "modechat" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def start(
        self, *arguments: str | Path, columns: int = 80, rows: int = 24, **env: str
    ) -> Terminal:
        """`modechat` with these arguments, in a new terminal."""
        return Terminal((*MODECHAT, *arguments), self.env | env, columns=columns, rows=rows)

    def conversation(self) -> Conversation | None:
        """The newest conversation, as it is on disk."""
        if not self.data.exists():
            return None
        store = Store.open(self.data, lambda: datetime.now(UTC))
        try:
            latest = store.latest_id()
            return store.conversation(latest) if latest is not None else None
        finally:
            store.close()

    def turns(self) -> tuple[Turn, ...]:
        """Those of the newest conversation, as they are on disk."""
        conversation = self.conversation()
        return conversation.turns if conversation is not None else ()

    def send(self, terminal: Terminal, text: str) -> None:
        """Type a message and send it."""
        before = self.turns()[-1:]
        type_and_enter(terminal, text)
        terminal.wait_for(lambda: self.turns()[-1:] not in ((), before))

    def ask(self, terminal: Terminal, text: str) -> Turn:
        """Send a message and wait until its reply has ended and is on disk."""
        self.send(terminal, text)

        def the_reply_has_ended() -> bool:
            return "Enter sends" in terminal.text and all(
                turn.reply.state.is_final for turn in self.turns()
            )

        terminal.wait_for(the_reply_has_ended)
        return self.turns()[-1]


def type_and_enter(terminal: Terminal, text: str) -> None:
    """Type `text` and press Enter once it is on the screen: what comes at once might be a paste."""
    terminal.type(text)
    terminal.wait_for(text)
    terminal.press("enter")


def wait_for_start(terminal: Terminal) -> None:
    """Wait until the conversation is open and the model is loaded."""
    terminal.wait_for(
        lambda: bool(transcript(terminal)) and ("CPU" in terminal.text or "GPU" in terminal.text)
    )


def transcript(terminal: Terminal) -> str:
    """What is shown above the prompt."""
    lines = terminal.lines
    frame = next((i for i in reversed(range(len(lines))) if "╭─" in lines[i]), 0)
    return "\n".join(lines[:frame]).strip()


def badge(terminal: Terminal) -> str:
    """The mode that the prompt's frame shows: its glyph and its word."""
    frame = next((line for line in reversed(terminal.lines) if "╭─" in line), "")
    return " ".join(frame.strip(" ╭─╮").split())
