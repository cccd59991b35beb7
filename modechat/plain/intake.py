"""What comes in: lines become messages, which wait until it is their turn, and who types is asked for the next one."""

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
    """Create it inside a running event loop."""

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
        """`at_once` does what must not wait, and returns False if that was not it.

        `refuse` is called with what cannot be read, `changed` when something was typed, `leave` at the end.
        """
        self._is_terminal = stdin.isatty()
        self._output = output
        self._at_once = at_once
        self._refuse = refuse
        self._leave = leave
        self._changed = changed
        self._reader = LineReader(stdin, self._take, is_terminal=self._is_terminal)
        self._messages = MessageReader()
        self._texts: asyncio.Queue[Typed | None] = asyncio.Queue()
        self._waiting: deque[Typed] = deque()
        """The messages in `_texts`."""
        self._label = ""
        """What the user is asked with; empty while something else is done."""
        self._has_asked = False

    def start(self) -> None:
        self._reader.start()

    async def next(self, label: str) -> Typed | None:
        """The next message or command, asked for with `label`; None: no more will come."""
        self._has_asked = True
        if self._texts.empty():
            self._label = label
            self._ask()
        text = await self._texts.get()
        if text is not None:
            self._waiting.popleft()
        if text is not None and (self._output.echoes or not self._label):
            self._output.line(label + text.text)
        self._label = ""
        return text

    @property
    def unsent(self) -> tuple[Typed, ...]:
        """What was typed and is not yet taken, oldest first."""
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
        if self._label:
            self._output.prompt(_MORE if self._messages.is_open else self._label)

    def _take(self, read: Read) -> None:
        if self._is_terminal:
            self._output.line_was_typed()
        match read:
            case Lines(lines=lines):
                message = self._messages.feed_together(lines)
                if message is not None:
                    self._put(message)
                elif self._messages.pasted:
                    self._output.keys_were_shown()  # the last line of a paste may stand there, without its end
                    self._output.say(
                        f"{self._messages.pasted} lines were pasted. Enter sends them, Ctrl+C drops them."
                    )
            case Unreadable(reason=reason, hint=hint):
                self._messages.clear()
                self._refuse(Trouble(reason, hint))
            case End():
                self._end()
                return
        self._changed()
        if self._texts.empty():
            self._ask()
        self._reader.taken()

    def _end(self) -> None:
        """Ctrl+D sends a message that has begun; else the user leaves."""
        if self._is_terminal:
            self._output.keys_were_shown()
        message = self._messages.finish()
        if message is not None:
            self._put(message)
        if not self._is_terminal:
            self._texts.put_nowait(None)
        elif message is None:
            self._leave()
        self._reader.taken()

    def _put(self, text: Typed) -> None:
        if not text.text.strip() or self._at_once(text):
            return
        if self._is_terminal and self._has_asked and not self._label:
            self._output.say("This waits until the reply has ended. /stop stops it.")
        self._waiting.append(text)
        self._texts.put_nowait(text)
