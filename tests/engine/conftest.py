"""The worker that tests lend each other ends when the last of them has run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.engine.driver import pool


@pytest.fixture(scope="session", autouse=True)
def _close_the_pool() -> Iterator[None]:
    yield
    asyncio.run(pool.close())
