"""Renders templates in a separate process, which is ended when a template hits a limit.

Owns that process, and keeps it for the next call only if it answered the last one. After a limit, a
death or an exception in the caller, the next call starts another process. Imports no Jinja.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modechat.prompting.renderer import TemplateError, TemplateLimitError

_SECONDS_TO_START = 60.0
_TEMPLATE_BYTES = 256_000
_OUTPUT_PER_INPUT = 4
_OUTPUT_BYTES = 64_000
_LONGEST_HEADER = 64
_ORDINARY_SECONDS = 0.25
"""A faster rendering does not use up the time of a turn.

A long chat that must be shortened is rendered often.
"""
_VARIABLES = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONUTF8",
    "TZ",
    "SYSTEMROOT",
)
"""The part of the environment that Python needs.

A template is strangers' code: it must not see keys and tokens.
"""


class TemplateSandbox:
    """A `Renderer` whose errors say which limit was hit. One thread at a time uses it.

    The output may have 4 times the bytes of the input plus 64 kB. The input is the template and all
    its arguments, as JSON in UTF-8.
    """

    def __init__(self, *, seconds: float = 5.0, memory_bytes: int = 1 << 30) -> None:
        """`memory_bytes` is the address space of the process; about 25 MiB of it are Python's own.

        Not every system can limit it: Windows and macOS cannot. `seconds` count from the moment
        when the process has started up. They are for each call; after `begin_turn` all slow calls
        share them.
        """
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._left: float | None = None
        self._process: _Process | None = None

    @property
    def process_id(self) -> int | None:
        return self._process.id if self._process else None

    def start(self) -> None:
        """Start the process if it does not run, without waiting for it.

        Raises TemplateError if the system refuses.
        """
        if self._process is None or self._process.has_died():
            self.close()
            self._process = _Process(self._seconds, self._memory_bytes)

    def begin_turn(self) -> None:
        """Let all calls share the time from now on, up to the next turn."""
        self._left = self._seconds

    def close(self) -> None:
        """End the process. A later call starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def __call__(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        bos_token: str | None,
        eos_token: str | None,
        add_generation_prompt: bool,
        **variables: Any,
    ) -> str:
        """Return the prompt, as `modechat.prompting.template.render` does.

        Messages and variables are plain JSON data, `now` is an ISO time. Raises TemplateError if
        the template fails or refuses, TemplateLimitError if it asks for too much.
        """
        if len(_encode(template)) > _TEMPLATE_BYTES:
            raise TemplateLimitError(f"the template is larger than {_TEMPLATE_BYTES // 1000:,} kB")
        arguments = [template, list(messages), bos_token, eos_token, add_generation_prompt]
        call = _encode(
            json.dumps({"arguments": arguments, "variables": variables}, ensure_ascii=False)
        )
        most_bytes = _OUTPUT_PER_INPUT * len(call) + _OUTPUT_BYTES

        request = _Request(b"%d %b\n" % (most_bytes, call), most_bytes)
        try:
            return self._ask(request)
        except _SandboxDied:
            # Perhaps it was killed from outside. A template that kills it will do so again.
            return self._ask(request)

    def _ask(self, request: _Request) -> str:
        self.start()
        process, self._process = self._process, None
        assert process is not None
        seconds = self._seconds if self._left is None else self._left
        try:
            answer, taken = process.ask(request, seconds, self._seconds)
            if self._left is not None and taken > _ORDINARY_SECONDS:
                self._left = max(self._left - taken, _ORDINARY_SECONDS)
            if answer.kind not in ("text", "error"):
                raise TemplateLimitError(self._limit_that_was_hit(answer.kind, request.most_bytes))
        except BaseException:
            process.end()
            raise
        self._process = process
        text = answer.body.decode("utf-8", "surrogatepass")
        if answer.kind == "error":
            raise TemplateError(text)
        return text

    def _limit_that_was_hit(self, kind: str, most_bytes: int) -> str:
        match kind:
            case "memory":
                limit = f"{self._memory_bytes / (1 << 30):g} GiB"
                return f"the template needed more than {limit} of memory"
            case "output":
                return f"the template wrote more than {most_bytes // 1000:,} kB"
            case _:
                return f"the process that rendered the template answered with {kind!r}"


class _SandboxDied(TemplateLimitError):
    """The process died before it had answered."""


class _Request(NamedTuple):
    line: bytes
    most_bytes: int
    """Bytes that the answer's body may have."""


class _Answer(NamedTuple):
    kind: str
    body: bytes


class _Process:
    """One sandbox process, and the thread that exchanges messages with it."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        """Start the process. Raises TemplateError."""
        self._is_ready = False
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer | None] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "modechat.engine.sandbox",
                    str(seconds),
                    str(memory_bytes),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Not the parent's: whoever waits for the end of that stream would wait for this
                # process too.
                stderr=subprocess.DEVNULL,
                # Its own session: Ctrl+C and hang-ups of the terminal are for the front end.
                start_new_session=True,
                env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            )
        except OSError as error:
            raise TemplateError(
                f"the process that renders templates cannot be started: {error}"
            ) from error
        self._thread = threading.Thread(target=self._exchange, name="template sandbox", daemon=True)
        self._thread.start()

    @property
    def id(self) -> int:
        return self._process.pid

    def has_died(self) -> bool:
        return self._process.poll() is not None

    def ask(self, request: _Request, seconds: float, limit: float) -> tuple[_Answer, float]:
        """Return the answer to `request`, and the seconds that it took.

        `seconds` is the time left; `limit` is the whole time, for the error's text. The first
        request waits for the start, too. Raises TemplateError and TemplateLimitError; after that
        the process is of no use.
        """
        try:
            if not self._is_ready and self._answers.get(timeout=_SECONDS_TO_START) is None:
                raise TemplateError(
                    f"the process that renders templates did not start: {self._cause_of_death()}"
                )
            self._is_ready = True
            started = time.monotonic()
            self._requests.put(request)
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            if self._is_ready:
                raise TemplateLimitError(f"the template took longer than {limit:g} s") from None
            raise TemplateError(
                "the process that renders templates did not start in time"
            ) from None
        if answer is None:
            raise _SandboxDied(
                f"the process that rendered the template died: {self._cause_of_death()}"
            )
        return answer, time.monotonic() - started

    def end(self) -> None:
        """End the process by force: it has nothing to save."""
        self._process.kill()
        self._process.wait()
        self._requests.put(None)
        self._thread.join()

    def _cause_of_death(self) -> str:
        self._process.kill()  # if it only closed its output
        code = self._process.wait()
        with contextlib.suppress(ValueError):  # no signal of that number
            if code < 0:
                return signal.Signals(-code).name
        return f"exit code {code}"

    def _exchange(self) -> None:
        """Exchange requests and answers, in a thread.

        The answer None means that the process died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdout, contextlib.suppress(OSError), self._process.stdin:
            self._answers.put(self._read(0))
            while (request := self._requests.get()) is not None:
                # It may have died, or not read all of it: the answer shows that.
                with contextlib.suppress(OSError):
                    self._process.stdin.write(request.line)
                    self._process.stdin.flush()
                self._answers.put(self._read(request.most_bytes))

    def _read(self, most_bytes: int) -> _Answer | None:
        """Return the answer of at most `most_bytes`; None for anything else.

        Never reads more, whatever the process sends.
        """
        assert self._process.stdout is not None
        header = self._process.stdout.readline(_LONGEST_HEADER).split()
        if len(header) != 2 or not header[1].isdigit() or int(header[1]) > most_bytes:
            return None
        body = self._process.stdout.read(int(header[1]))
        return (
            _Answer(header[0].decode(errors="replace"), body)
            if len(body) == int(header[1])
            else None
        )


def _encode(text: str) -> bytes:
    # Lone surrogates pass through: the user's text may hold them, and so may the template.
    return text.encode("utf-8", "surrogatepass")
