"""The sandbox process: renders templates until its standard input ends.

The client passes its limits.

    python -P -m modechat.engine.sandbox SECONDS MEMORY_BYTES

A request is a line: the most bytes that its output may have, a space, and JSON with the `arguments`
and `variables` of `render`. An answer is a line with its kind and the size of its body, and then
the body, UTF-8:

    ready    once, before the first request
    text     the body is the prompt
    error    the template failed or refused; the body says why
    memory   the template needed more memory than it may have
    output   the prompt is longer than it may be

Every error of a template is answered. A template that takes too long is not: the process is ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

from modechat.prompting.renderer import TemplateError
from modechat.prompting.template import render

_SECONDS_FOR_THE_CLIENT = 1.0
_LONGEST_REASON = 2000


def main() -> None:
    # Ctrl+C in the terminal is for the front end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seconds, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    # Jinja's one-time work is done before the first request.
    render("", [], None, None, add_generation_prompt=False)
    _limit_memory(memory_bytes)
    try:
        _answer("ready", b"")
        for request in sys.stdin.buffer:
            # The client's own clock is faster; this one counts if the client was killed.
            _die_in(seconds + _SECONDS_FOR_THE_CLIENT)
            _answer(*_rendered(request))
            _die_in(0)
    except BrokenPipeError:
        os._exit(0)  # the client is gone; an ordinary exit would fail to flush


def _rendered(request: bytes) -> tuple[str, bytes]:
    """Return the kind and the body of the answer.

    Afterwards all memory of the template is free, also after an error.
    """
    try:
        most_bytes, _, call = request.partition(b" ")
        decoded = json.loads(call)
        text = render(*decoded["arguments"], **decoded["variables"])
        if len(text) > int(most_bytes) or len(body := _encode(text)) > int(most_bytes):
            return "output", b""
        return "text", body
    except Exception as error:  # noqa: BLE001 - a template is code of strangers: it can raise anything
        cause = error.__cause__ if isinstance(error, TemplateError) else error
        if isinstance(cause, MemoryError):
            return "memory", b""
        return "error", _encode((str(error) or type(error).__name__)[:_LONGEST_REASON])


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _answer(kind: str, body: bytes) -> None:
    sys.stdout.buffer.write(f"{kind} {len(body)}\n".encode())
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _die_in(seconds: float) -> None:
    """Have the kernel end this process after so many seconds; 0: never.

    Python itself could not do that while it computes `**`.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(memory_bytes: int) -> None:
    if sys.platform != "win32":
        import resource

        # Not every system knows this limit (macOS); a process that may use less already keeps that.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the conversation


if __name__ == "__main__":
    main()
