"""The store on its threads: in order, beside a search, and refused after the end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from modechat.domain.listing import Found
from modechat.errors import StoreError
from modechat.session.disk import Disk
from modechat.store import Store
from modechat.store.search import Searcher
from tests.session.harness import Clock


async def test_a_search_that_reads_everything_does_not_hold_up_what_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(_searcher: Searcher, _text: str) -> tuple[Found, ...]:
        assert go_on.wait(20)
        return ()

    monkeypatch.setattr(Searcher, "search", slow)
    disk = Disk(Store.open(tmp_path, Clock()))
    search = asyncio.create_task(disk.search("anything"))
    assert await asyncio.wait_for(disk.run(disk.store.latest_id), 10) is None
    assert not search.done()
    go_on.set()
    assert await search == ()
    await disk.close()


async def test_conversations_in_memory_are_searched_too() -> None:
    disk = Disk(Store.in_memory(Clock()))
    assert await disk.search("anything") == ()
    await disk.close()


async def test_after_the_end_everything_is_refused(tmp_path: Path) -> None:
    disk = Disk(Store.open(tmp_path, Clock()))
    await disk.search("anything")
    await disk.close()
    await disk.close()
    with pytest.raises(StoreError, match="closed"):
        await disk.run(disk.store.latest_id)
    with pytest.raises(StoreError, match="closed"):
        await disk.search("anything")


async def test_a_search_that_is_given_up_while_its_reader_opens_leaves_that_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opening, go_on = threading.Event(), threading.Event()
    opened: list[Searcher] = []
    closed: list[Searcher] = []
    open_one, close_one = Store.searcher, Searcher.close

    def slow(store: Store) -> Searcher | None:
        is_opening.set()
        assert go_on.wait(20)
        searcher = open_one(store)
        assert searcher is not None
        opened.append(searcher)
        return searcher

    def close(searcher: Searcher) -> None:
        closed.append(searcher)
        close_one(searcher)

    monkeypatch.setattr(Store, "searcher", slow)
    monkeypatch.setattr(Searcher, "close", close)
    disk = Disk(Store.open(tmp_path, Clock()))
    search = asyncio.create_task(disk.search("a"))
    await asyncio.to_thread(is_opening.wait, 20)
    search.cancel()
    go_on.set()
    assert await disk.search("ab") == ()
    await disk.close()
    assert len(opened) == 1
    assert closed == opened
