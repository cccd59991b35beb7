"""Reads lines, makes messages of them, queues the messages, and asks users for more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TextIO

from modechat.domain.typed import Typed
from modechat.plain.line_reader import End, LineReader, Lines, Read, Unreadable
from modechat.plain.messages import MessageReader
from modechat.plain.output import Output
from modechat.session.events import Trouble

_MORE = "more: "


class Intake:
    """Reads messages from `stdin`. Create it inside a running event loop."""

    def __init__(
        self,
        stdin: TextIO,
        output: Output,
        *,
        at_once: Callable[[Typed], bool],
        refuse: Callable[[Trouble], None],
        leave: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        """`at_once` gets each message first, and returns True if it handled the message.

        It handles messages that cannot wait. `refuse` is called for unreadable input, `changed`
        after typed input, and `leave` at the end.
        """
        self._is_terminal = stdin.isatty()
        self._output = output
        self._at_once = at_once
        self._refuse = refuse
        self._leave = leave
        self._changed = changed
        self._reader = LineReader(stdin, self._receive, is_terminal=self._is_terminal)
        self._messages = MessageReader()
        self._texts: asyncio.Queue[Typed | None] = asyncio.Queue()
        self._waiting: deque[Typed] = deque()
        """The messages in `_texts`."""
        self._label = ""
        """The prompt that is shown; empty while a message is handled."""
        self._has_asked = False

    def start(self) -> None:
        """Begin to read."""
        self._reader.start()

    async def next(self, label: str) -> Typed | None:
        """Return the next message or command, asked for with `label`.

        None at the end of the input.
        """
        self._has_asked = True
        if self._texts.empty():
            self._label = label
            self._ask()
        text = await self._texts.get()
        if text is not None:
            self._waiting.popleft()
            if self._output.echoes or not self._label:
                self._output.line(label + text.text)
        self._label = ""
        return text

    @property
    def unsent(self) -> tuple[Typed, ...]:
        """The typed texts that `next` has not returned yet, oldest first."""
        return (*self._waiting, self._messages.text)

    def begin_with(self, typed: Typed) -> None:
        """Begin the next message with a text."""
        self._messages.begin_with(typed)

    def clear(self) -> None:
        """Forget the beginning of a message, and ask again."""
        self._messages.clear()
        self._changed()
        self._ask()

    def _ask(self) -> None:
        if not self._label:
            return
        if self._messages.is_open:
            self._output.prompt(_MORE)
        else:
            self._output.prompt(self._label)

    def _receive(self, read: Read) -> None:
        if self._is_terminal:
            self._output.line_was_typed()
        match read:
            case Lines(lines=lines):
                self._add(lines)
            case Unreadable(reason=reason, hint=hint):
                self._messages.clear()
                self._refuse(Trouble(reason, hint))
            case End():
                self._end()
                return
        self._changed()
        if self._texts.empty():
            self._ask()
        self._reader.done()

    def _add(self, lines: tuple[str, ...]) -> None:
        message = self._messages.feed_together(lines)
        if message is not None:
            self._put(message)
            return
        if n_lines := self._messages.n_pasted:
            # The terminal may show the last line of a paste without its end.
            self._output.keys_were_shown()
            self._output.say(f"{n_lines} lines were pasted. Enter sends them, Ctrl+C drops them.")

    def _end(self) -> None:
        """Send the message that has begun; without one, Ctrl+D leaves."""
        if self._is_terminal:
            self._output.keys_were_shown()
        message = self._messages.finish()
        if message is not None:
            self._put(message)
        if not self._is_terminal:
            self._texts.put_nowait(None)
        elif message is None:
            self._leave()
        self._reader.done()

    def _put(self, text: Typed) -> None:
        if not text.text.strip() or self._at_once(text):
            return
        if self._is_terminal and self._has_asked and not self._label:
            self._output.say("This waits until the reply has ended. /stop stops it.")
        self._waiting.append(text)
        self._texts.put_nowait(text)
