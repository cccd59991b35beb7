"""Stores with a clock of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from modechat.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Clock = Callable[[], datetime]


@pytest.fixture
def clock() -> Clock:
    """A clock that is a second later at every look."""
    now = datetime(2026, 1, 31, 23, 59, 58, tzinfo=UTC)

    def tick() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    return tick


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for conversations that does not exist yet."""
    return tmp_path / "data" / "modechat"


@pytest.fixture
def file_store(folder: Path, clock: Clock) -> Iterator[Store]:
    store = Store.open(folder, clock)
    yield store
    store.close()


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> Iterator[Store]:
    """A store of either kind: what holds for one holds for the other."""
    store = Store.open(folder, clock) if request.param == "file" else Store.in_memory(clock)
    yield store
    store.close()
