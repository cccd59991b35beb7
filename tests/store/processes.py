"""Other modechats: programs that tests start, race and kill. Run as `python -m
tests.store.processes NAME ...`.

They print a line after every step that they promise to have done.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROJECT = Path(__file__).parents[2]


class Process:
    """A running program of this module."""

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen

    def line(self) -> str:
        """The next line that it prints."""
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().strip()

    def tell(self, line: object) -> None:
        assert self._popen.stdin is not None
        print(line, file=self._popen.stdin, flush=True)

    def kill(self) -> list[str]:
        """Kill it (SIGKILL) and return the lines that it had printed and nobody has read."""
        self._popen.kill()
        rest, _ = self._popen.communicate()
        return rest.splitlines()


@contextmanager
def running(name: str, *arguments: object) -> Iterator[Process]:
    command = [sys.executable, "-m", __name__, name, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as popen:
        try:
            yield Process(popen)
        finally:
            popen.kill()


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: object) -> None:
    print(line, flush=True)


def _open_folders() -> None:
    """Open every folder that is named on standard input, and add a conversation there."""
    for line in sys.stdin:
        store = Store.open(Path(line.strip()), _now)
        store.create_conversation("from another process", ModeState())
        store.close()
        _say("opened")


def _add_turn(folder: str) -> None:
    store = Store.open(Path(folder), _now)
    conversation = store.create_conversation("", ModeState())
    store.lock(conversation.id)
    store.add_turn(conversation.id, None, "hello", ChatMessage("hello"), True)
    _say("added")
    sys.stdin.read()


def _save_replies(folder: str) -> None:
    """Save a reply that grows by a word each time; print the number of words saved."""
    store = Store.open(Path(folder), _now)
    conversation = store.create_conversation("", ModeState())
    turn = store.add_turn(conversation.id, None, "hello", ChatMessage("hello"), True)
    for words in itertools.count(1):
        store.save_reply(turn.id, Reply(text="word " * words, state=ReplyState.STREAMING))
        _say(words)


def _hold(folder: str, conversation_id: str) -> None:
    store = Store.open(Path(folder), _now)
    store.lock(int(conversation_id))
    _say("held")
    sys.stdin.read()


_PROGRAMS: dict[str, Callable[..., None]] = {
    "open-folders": _open_folders,
    "add-turn": _add_turn,
    "save-replies": _save_replies,
    "hold": _hold,
}

if __name__ == "__main__":
    _, _name, *_arguments = sys.argv
    _PROGRAMS[_name](*_arguments)
