"""A program in a pty: what it writes, what is typed, how it ends.

Owns the program: whatever a test does, it is dead when the window is closed. Nothing here sleeps:
who waits is woken by the program's output.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

SECONDS = 60.0
"""How long to wait for what must come: much longer than it takes, for busy machines."""

_KEYS = {
    "enter": b"\r",
    "escape": b"\x1b",
    "shift+tab": b"\x1b[Z",
    "shift+enter": b"\x1b[13;2u",  # as terminals with kitty's keyboard protocol send it
    **{f"ctrl+{letter}": bytes([ord(letter) - 96]) for letter in "abcdefghijklmnopqrstuvwxyz"},
}

# Makes the pty the controlling terminal of the new session, as a terminal window does, and becomes
# the program. Python could do it only between fork and exec, which is not safe beside threads.
_ON_TERMINAL = ("/bin/sh", "-c", 'terminal=$1; shift; exec "$@" <>"$terminal" >&0 2>&1', "sh")


class Window:
    """A running program and the bytes that it writes. A context manager that closes it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        columns: int,
        rows: int,
        term: str = "xterm-256color",
    ) -> None:
        """`term` is what the terminal calls itself."""
        self._raw = bytearray()
        self._changed = threading.Condition()
        self._has_ended = False
        self._closing, self._close = os.pipe()
        self._pty, theirs = os.openpty()
        self._set_size(columns, rows)
        self.settings_before = self.settings
        self._process = subprocess.Popen(
            [*_ON_TERMINAL, os.ttyname(theirs), *map(str, command)],
            env={"COLORTERM": "truecolor", **env, "TERM": term},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # What comes out

    @property
    def raw(self) -> bytes:
        """All that the program has written."""
        with self._changed:
            return bytes(self._raw)

    @property
    def settings(self) -> list[Any]:
        """The terminal's settings (echo, line mode, ...), as termios has them."""
        return termios.tcgetattr(self._pty)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(
        self, is_there: Callable[[], bool], what: str, *, timeout: float = SECONDS
    ) -> None:
        """Wait until the condition holds; it is asked whenever the program has written something.

        Fails, with the name `what` and all that can be seen, if it does not hold after `timeout`
        seconds or when the program has ended.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not is_there():
                left = deadline - time.monotonic()
                if self._has_ended or left <= 0:
                    reason = "when the program ended" if self._has_ended else f"within {timeout} s"
                    raise AssertionError(f"{what}: not {reason}\n{self.picture()}")
                self._changed.wait(left)

    def pause(self, seconds: float) -> None:
        """Wait until the program writes something, at most so long."""
        with self._changed:
            if not self._has_ended:
                self._changed.wait(seconds)

    def wait_for_end(self, *, timeout: float = SECONDS) -> int:
        """Wait until the program has ended and all that it wrote was read. Returns its exit
        code.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s\n{self.picture()}") from None
        self._reader.join(timeout)
        return code

    def picture(self) -> str:
        """What can be seen, for the messages of failed tests."""
        return repr(bytes(self._raw[-2000:]))

    # What goes in

    def type(self, text: str) -> None:
        self._write(text.encode())

    def send_bytes(self, data: bytes) -> None:
        """Whatever bytes a terminal may send."""
        self._write(data)

    def paste(self, text: str) -> None:
        """As a terminal with bracketed paste does it."""
        self._write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def mouse(self, button: int, column: int, row: int, *, is_up: bool = False) -> None:
        """As terminals report it (SGR): 0 is the left button, 32 more is moving with it, 64 and 65
        are the wheel.
        """
        self._write(f"\x1b[<{button};{column + 1};{row + 1}{'m' if is_up else 'M'}".encode())

    def press(self, *keys: str) -> None:
        for key in keys:
            self._write(_KEYS[key])

    def resize(self, columns: int, rows: int) -> None:
        """The system tells the program (SIGWINCH)."""
        self._set_size(columns, rows)

    def kill(self) -> None:
        """Kill the program (SIGKILL), as the system does when memory runs out."""
        self._process.kill()
        self.wait_for_end()

    def wait_for_stop(self) -> None:
        """Wait until the program has suspended itself."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), self.picture()

    def go_on(self) -> None:
        """As a shell does it with a suspended program."""
        self._process.send_signal(signal.SIGCONT)

    def hang_up(self) -> int:
        """Close the terminal under the program, as when a user closes the window. Returns the
        program's exit code.
        """
        if self._pty >= 0:
            os.close(self._close)
            self._reader.join()
            os.close(
                self._pty
            )  # now the system sends SIGHUP to the program, and nobody reads what it writes
            os.close(self._closing)
            self._pty = -1
        return self.wait_for_end()

    def close(self) -> None:
        try:
            self.hang_up()
        finally:
            self._process.kill()
            self._process.wait()

    # The pty

    def _receive(self, data: bytes) -> None:
        """Called with what the program wrote, while nobody else looks."""
        self._raw += data

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._pty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._pty, data) :]

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._pty, self._closing], [], [])
            if self._closing in ready:
                return
            try:
                data = os.read(self._pty, 1 << 16)
            except OSError:  # how Linux says that nobody has the other end open
                data = b""
            with self._changed:
                self._receive(data)
                self._has_ended = not data
                self._changed.notify_all()
            if not data:
                return
