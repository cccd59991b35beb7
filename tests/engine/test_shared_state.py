"""What several threads use at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

from modechat.engine.protocol import Event, Failed, Generate
from modechat.engine.worker_process import _Record
from tests.engine.driver import chat
from tests.engine.vocabularies import native_log


class _Interrupted(dict[int, None]):
    """Open replies that another thread changes while one of them is looked for."""

    def __init__(self, change: Callable[[], object]) -> None:
        super().__init__({1: None})
        self._change = change

    def __iter__(self) -> Iterator[int]:
        found = super().__iter__()
        thread = threading.Thread(target=self._change, daemon=True)
        thread.start()
        thread.join(0.2)  # where it has to wait for its turn, it changes nothing yet
        return found


def test_a_death_is_reported_while_another_thread_asks_for_a_reply() -> None:
    said: list[Event] = []
    record = _Record(said.append)
    record._running = _Interrupted(
        lambda: record.note_request(Generate(id=2, prompt=chat("Hello")))
    )
    record.report_death(1)
    (failed,) = said
    assert isinstance(failed, Failed)
    assert failed.id == 1


def test_the_log_can_be_read_while_llama_cpp_writes_it() -> None:
    log = native_log()
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            log._receive(2, f"line {number}\n".encode(), None)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for _ in range(300):
            assert all(line for line in log.lines)
    finally:
        is_over.set()
        writer.join()
        sys.setswitchinterval(interval)
        log.forget()
