"""The app with a scripted engine and a real store. Arguments: the store's folder, and words a
second.

`stream` is answered with prose for some minutes, everything else with a typical reply. As from the
real engine, text comes every 50 ms at most.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from modechat.cli.demo import demo_settings
from modechat.engine.protocol import Generate
from modechat.engine.scripted import ScriptedEngine, last_user_text
from modechat.session.chat_setup import ChatSetup
from modechat.store import Store
from modechat.tui.app import ModechatApp
from tests.benchmarks.texts import TYPICAL, prose

_SECONDS_BETWEEN_BATCHES = 0.05


class Batches:
    """A pace: so many words a second, in batches."""

    def __init__(self, words_per_second: float) -> None:
        self._seconds_per_word = 1 / words_per_second
        self._due = 0.0

    async def __call__(self) -> None:
        now = time.monotonic()
        self._due = max(self._due, now - _SECONDS_BETWEEN_BATCHES) + self._seconds_per_word
        if self._due > now:
            await asyncio.sleep(_SECONDS_BETWEEN_BATCHES)


def reply_to(request: Generate) -> str:
    return "".join(islice(prose(), 40_000)) if last_user_text(request) == "stream" else TYPICAL


def main() -> None:
    folder, words_per_second = Path(sys.argv[1]), float(sys.argv[2])
    engine = ScriptedEngine(reply_to, Batches(words_per_second), n_ctx=1_000_000)
    store = Store.open(folder, lambda: datetime.now(UTC))
    ModechatApp(lambda: ChatSetup(engine, store, demo_settings())).run()


if __name__ == "__main__":
    main()
