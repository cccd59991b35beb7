"""What a conversation of 1,000 turns costs, against one of 20: the app with a scripted engine, in a
pty of 120 × 40.

Opening it from the list of conversations, until its last message is painted; memory; how soon a
typed character is painted while 200 words a second stream into it; and what a typical reply at 30
tokens a second takes of a core.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.store import Store
from tests.benchmarks.pairs import median_seconds
from tests.benchmarks.texts import TYPICAL
from tests.e2e.home import Home
from tests.e2e.window import Window

LONG, SHORT = 1000, 20
OPENING = 1.5
"""At most: the time to open the long one by that of the short one."""
MEMORY = 40.0
"""MB that the long one may take more."""
ECHO = 30.0
"""Milliseconds until a typed character is painted, 95th percentile."""
TYPICAL_REPLY = 12.0
"""Percent of a core."""
_TYPICAL_SECONDS = 545 / 30
_STREAM_WORDS_PER_SECOND = 200.0
_KEYS = 240
_SETTLING = 2.0  # seconds
_LAST = "The very last words of the conversation with {count} turns."
_PARAGRAPHS = (
    "It depends on what you want to do with it. " * 6,
    "1. **First** look at what is there.\n2. Then change one thing.\n3. Look again, and write down what you saw.",
    "```python\ndef answer(question: str) -> str:\n    return question.upper()\n```",
    "| what | how much |\n|---|---|\n| this | 1 |\n| that | 2 |",
)


def fill(store: Store, count: int) -> None:
    """A conversation with `count` turns, named by their number; its last words are too far back for
    a preview.
    """
    conversation = store.create_conversation(f"turns{count}", ModeState())
    parent = None
    for number in range(1, count + 1):
        text = f"And what about number {number}? I would like to know it in some detail, please."
        answer = "\n\n".join((*_PARAGRAPHS[number % 3 :], f"That was number {number}."))
        if number == count:
            answer += (
                "\n\n"
                + "Some more words, so that it is long. " * 120
                + "\n\n"
                + _LAST.format(count=count)
            )
        turn = store.add_turn(conversation.id, parent, text, ChatMessage(text), in_chat=True)
        store.save_reply(turn.id, Reply(answer, ReplyState.COMPLETE, StopReason.END))
        parent = turn.id


class Watched(Window):
    """Tells when it was that something came out."""

    _awaited = b""
    _tail = b""
    _seen_at: float | None = None

    def await_text(self, text: str) -> None:
        """From now on, look out for `text`; `seconds_until` tells when it came."""
        with self._changed:
            self._awaited, self._tail, self._seen_at = text.encode(), b"", None

    def seen_at(self, *, timeout: float = 60) -> float:
        """When it came, as time.perf_counter counts."""
        self.wait_until(lambda: self._seen_at is not None, self._awaited.decode(), timeout=timeout)
        assert self._seen_at is not None
        return self._seen_at

    def seconds_after(self, act: Callable[[], object], text: str) -> float:
        """Seconds from doing something until `text` comes out."""
        self.await_text(text)
        started = time.perf_counter()
        act()
        return self.seen_at() - started

    def _receive(self, data: bytes) -> None:
        now = time.perf_counter()
        self._raw[:] = data  # what is not looked for need not be kept
        self._tail += data
        if self._seen_at is None and self._awaited in self._tail:
            self._seen_at = now
        self._tail = self._tail[-200:]


def start(home: Home, words_per_second: float) -> Watched:
    """The app, with its first conversation open."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "tests.benchmarks.apps.conversations",
        home.data,
        str(words_per_second),
    ]
    window = Watched(command, home.env, columns=120, rows=40)
    window.await_text("CPU")
    window.seen_at()
    time.sleep(_SETTLING)
    return window


def open_conversation(window: Watched, count: int) -> float:
    """Choose it in the list; seconds from Enter until its last words are painted."""
    window.seconds_after(lambda: window.press("ctrl+o"), "Del deletes")
    window.seconds_after(lambda: window.type(f"turns{count}"), "1 conversation ")
    time.sleep(0.5)  # the preview
    return window.seconds_after(lambda: window.press("enter"), _LAST.format(count=count))


def opening(home: Home, times: int) -> bool:
    long, short = [], []
    with start(home, 1000) as window:
        for _ in range(times + 1):
            short.append(open_conversation(window, SHORT))
            long.append(open_conversation(window, LONG))
    ratio = median_seconds("1,000 turns", long[1:]) / median_seconds("20 turns", short[1:])
    return verdict("opening, of that of 20 turns", ratio, OPENING, "")


def memory(home: Home, times: int) -> bool:
    taken: dict[int, list[float]] = {SHORT: [], LONG: []}
    for _ in range(times):
        for count, measured in taken.items():
            with start(home, 1000) as window:
                open_conversation(window, count)
                time.sleep(_SETTLING)
                measured.append(psutil.Process(window.process_id).memory_info().rss / 1e6)
    long, short = statistics.median(taken[LONG]), statistics.median(taken[SHORT])
    print(f"memory: {long:.0f} MB with 1,000 turns, {short:.0f} MB with 20")
    return verdict("memory, more than with 20 turns", long - short, MEMORY, " MB")


def key_echo(home: Home) -> bool:
    chosen = random.Random(0)
    measured = []
    with start(home, _STREAM_WORDS_PER_SECOND) as window:
        open_conversation(window, LONG)
        window.type("stream")
        time.sleep(1)
        window.seconds_after(lambda: window.press("enter"), "Esc stops")
        time.sleep(_SETTLING)
        for number in range(_KEYS):
            character = chr(0x100 + number)  # letters that nothing else on the screen has
            measured.append(1e3 * window.seconds_after(partial(window.type, character), character))
            time.sleep(chosen.uniform(0.03, 0.12))
            if number % 60 == 59:
                window.press("ctrl+u")
                time.sleep(0.3)
    measured.sort()
    middle, high = statistics.median(measured), measured[int(0.95 * len(measured))]
    print(f"key echo: median {middle:.1f} ms, at worst {measured[-1]:.0f} ms, {len(measured)} keys")
    return verdict("key echo, 95th percentile", high, ECHO, " ms")


def typical_reply(home: Home, times: int) -> bool:
    measured = []
    words = len(TYPICAL.split())
    with start(home, words / _TYPICAL_SECONDS) as window:
        process = psutil.Process(window.process_id)
        window.press("ctrl+n")
        time.sleep(_SETTLING)
        for _ in range(times):
            window.type("typical")
            time.sleep(1)
            before, started = sum(process.cpu_times()[:2]), time.perf_counter()
            window.press("enter")
            time.sleep(_TYPICAL_SECONDS)
            taken = sum(process.cpu_times()[:2]) - before
            measured.append(100 * taken / (time.perf_counter() - started))
            time.sleep(_SETTLING)
    print("typical reply:", ", ".join(f"{percent:.1f} %" for percent in measured))
    return verdict(
        "a typical reply at 30 tokens/s, of a core",
        statistics.median(measured),
        TYPICAL_REPLY,
        " %",
    )


def verdict(name: str, value: float, target: float, unit: str) -> bool:
    print(
        f"{name}: {value:.2f}{unit} (target: at most {target:g}): {'as promised' if value <= target else 'MISSED'}"
    )
    return value <= target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", choices=("opening", "memory", "echo", "reply"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        store = Store.open(home.data, lambda: datetime.now(UTC))
        for count in (LONG, SHORT, 1):
            fill(store, count)
        store.close()
        parts: dict[str, Callable[[], bool]] = {
            "opening": lambda: opening(home, arguments.times),
            "memory": lambda: memory(home, min(arguments.times, 3)),
            "echo": lambda: key_echo(home),
            "reply": lambda: typical_reply(home, min(arguments.times, 3)),
        }
        kept = [part() for name, part in parts.items() if arguments.only in (None, name)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
