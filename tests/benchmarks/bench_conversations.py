"""How quick the list of conversations is with a thousand of them: `python -m
tests.benchmarks.bench_conversations`.

Each has 20 turns of 150 words. Listing, searching for a rare word, a common one, a single letter
and a text without spaces, looking into one and deleting one; each as often as fits into a second,
the best of them.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.store import Store

_CONVERSATIONS, _TURNS, _WORDS = 1000, 20, 150
_VOCABULARY = tuple(f"word{number}" for number in range(20))


def filled(folder: Path) -> Store:
    store = Store.open(folder, lambda: datetime.now(UTC))
    store._database._connection.execute(
        "PRAGMA synchronous = OFF"
    )  # filling is not what is measured
    chance = random.Random(0)
    for number in range(_CONVERSATIONS):
        conversation, parent = (
            store.create_conversation(f"Conversation {number}", ModeState()),
            None,
        )
        for turn_number in range(_TURNS):
            text = f"{' '.join(chance.choices(_VOCABULARY, k=_WORDS))} w{number}x{turn_number}"
            parent = store.add_turn(
                conversation.id, parent, text, ChatMessage(text), in_chat=True
            ).id
            store.save_reply(parent, Reply(text=text, state=ReplyState.COMPLETE))
    return store


def best(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times: list[float] = []
    until = time.perf_counter() + 1
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        store = filled(Path(name))
        ids = iter(range(1, _CONVERSATIONS))
        for what, work in (
            ("list all", lambda: store.summaries(10_000)),
            ("a rare word", lambda: store.search("w999x3")),
            ("two common words", lambda: store.search("word1 word2")),
            ("a single letter", lambda: store.search("w")),
            ("a text without spaces", lambda: store.search("猫")),
            ("look into one", lambda: store.preview(500)),
            ("delete one", lambda: store.delete(next(ids))),
        ):
            print(f"{what:<24}{best(work):8.1f} ms")
        store.close()


if __name__ == "__main__":
    main()
