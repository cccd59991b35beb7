"""Runs the store on a thread of its own, so that a slow disk never blocks the front end.

Calls run in the order in which they were made. After `close` every call raises StoreError. A search
uses a second connection and thread, so a search through every text does not delay the saving of a
reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from modechat.domain.listing import Found
from modechat.errors import StoreError
from modechat.store import Store
from modechat.store.search import Searcher

P = ParamSpec("P")
T = TypeVar("T")


class Disk:
    """Owns `store`. All methods raise StoreError if the disk refuses, or after `close`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._search_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._searcher: Searcher | None = None
        self._is_closed = False

    @property
    def store(self) -> Store:
        """The store, only for passing its methods to `run`."""
        return self._store

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work`, a method of the store, after all earlier calls."""
        self._refuse_if_closed()
        return await _in_thread(self._thread, work, *args, **kwargs)

    async def search(self, text: str) -> tuple[Found, ...]:
        """Search the conversations. If they are in a file, other calls run meanwhile."""
        self._refuse_if_closed()
        found = await _in_thread(self._search_thread, self._search, text)
        return await self.run(self._store.search, text) if found is None else found

    async def close(self) -> None:
        """Finish all earlier calls, and close the store. A running search is interrupted."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._searcher is not None:
            self._searcher.interrupt()
        self._search_thread.shutdown(wait=False, cancel_futures=True)
        try:
            await _in_thread(self._thread, self._close)
        finally:
            self._thread.shutdown(wait=False)

    def _search(self, text: str) -> tuple[Found, ...] | None:
        """Search with the second connection; return None if the store is not in a file."""
        if self._searcher is None:
            self._searcher = self._store.searcher()
        self._refuse_if_closed()
        return None if self._searcher is None else self._searcher.search(text)

    def _close(self) -> None:
        self._search_thread.shutdown()
        if self._searcher is not None:
            self._searcher.close()
        self._store.close()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise StoreError("The conversations are closed")


async def _in_thread(
    thread: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    def call() -> T:
        return work(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(thread, call)
